from datetime import UTC, datetime

import pytest

from tests.workflows.lighthouse import FakeChannel
from tocsin.channels.bulk_sms import BulkSms
from tocsin.domain.broadcasts import BatchRefused
from tocsin.domain.channel import AccountRefused, Receipt, Refused, Sms

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
FOG = Sms(to="+12025550111", body="There is fog.", status_callback="https://tocsin.example/")


class Forgetless(FakeChannel):
    """Knows what it took, however it was asked before."""

    def find(self, sms: Sms, since: datetime) -> Receipt | None:
        return Receipt(vendor="sms", vendor_id="SM1", status="queued") if sms in self.sent else None


def test_a_text_whose_outcome_is_in_doubt_is_sent_only_where_the_vendor_does_not_have_it() -> None:
    channel = Forgetless("sms")

    first = BulkSms(channel).send(FOG, NOON)
    again = BulkSms(channel).send(FOG, NOON)

    assert (first.vendor_id, again.vendor_id) == ("sms-1", "SM1")
    assert channel.sent == [FOG]


def test_the_same_text_without_a_doubt_is_sent_without_asking() -> None:
    channel = Forgetless("sms")

    for _ in range(2):
        BulkSms(channel).send(FOG, None)

    assert channel.sent == [FOG, FOG]


@pytest.mark.parametrize("code", ["21211", "21610", "21614"])
def test_a_number_that_cannot_be_texted_is_at_fault_itself(code: str) -> None:
    with pytest.raises(BatchRefused) as caught:
        BulkSms(FakeChannel("sms", failures=[Refused("no", code)])).send(FOG, None)
    assert caught.value.positions == (0,)


@pytest.mark.parametrize(
    "error", [Refused("the body is empty", "21602"), AccountRefused("no such key", "20003")]
)
def test_what_is_our_own_fault_is_held_against_no_recipient(error: Refused) -> None:
    with pytest.raises(Refused) as caught:
        BulkSms(FakeChannel("sms", failures=[error])).send(FOG, None)
    assert caught.value is error
