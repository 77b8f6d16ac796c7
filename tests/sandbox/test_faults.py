"""Bad days: what the vendors' SDKs see, and what the vendor took all the same."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest
import requests
from python_http_client.exceptions import HTTPError, ServiceUnavailableError, TooManyRequestsError
from sendgrid.helpers.mail import Mail
from twilio.base.exceptions import TwilioRestException

from tocsin.sandbox.faults import Fault, FaultTable

from .house import OURS, PHONE, House

MAIL = Mail("alerts@example.org", "ana@example.org", "SEV1", "It is down.")


def text(house: House) -> Any:
    return house.twilio.messages.create(to=PHONE, from_=OURS, body="SEV1")


def test_too_many_requests_says_when_to_come_back(house: House) -> None:
    house.sandbox.fault("sendgrid", "429", times=1, retry_after=7)

    with pytest.raises(TooManyRequestsError) as refusal:
        house.sendgrid.send(MAIL)

    assert refusal.value.headers["Retry-After"] == "7"
    assert house.sandbox.messages() == []
    assert house.sendgrid.send(MAIL).status_code == 202


def test_an_unavailable_vendor_takes_nothing_until_the_fault_is_cleared(house: House) -> None:
    house.sandbox.fault("sendgrid", "503")
    for _ in range(3):
        with pytest.raises(ServiceUnavailableError):
            house.sendgrid.send(MAIL)
    assert text(house).status == "queued"  # the other vendor is well

    house.sandbox.clear_faults()
    assert house.sendgrid.send(MAIL).status_code == 202


def test_a_server_error_has_the_vendors_shape(house: House) -> None:
    house.sandbox.fault("twilio", "500", times=1)

    with pytest.raises(TwilioRestException) as refusal:
        text(house)

    assert (refusal.value.status, refusal.value.code) == (500, 20500)


def test_a_connection_dropped_before_accepting_leaves_nothing_behind(house: House) -> None:
    house.sandbox.fault("twilio", "drop_before", times=1)

    with pytest.raises(requests.ConnectionError):
        text(house)

    assert house.twilio.messages.list(to=PHONE) == []


def test_a_connection_dropped_after_accepting_leaves_a_message_that_can_be_found(house: House) -> None:
    house.sandbox.fault("twilio", "drop_after", times=1)

    with pytest.raises(requests.ConnectionError):
        text(house)

    assert [message.body for message in house.twilio.messages.list(to=PHONE)] == ["SEV1"]


def test_mail_dropped_after_accepting_was_sent(house: House) -> None:
    house.sandbox.fault("sendgrid", "drop_after", times=1)

    with pytest.raises(OSError, match="reset"):
        house.sendgrid.send(MAIL)

    house.sandbox.wait_for(lambda message: message.status == "delivered")


def test_a_malformed_answer_cannot_be_read_although_the_message_was_taken(house: House) -> None:
    house.sandbox.fault("twilio", "malformed", times=1)
    house.sandbox.fault("sendgrid", "malformed", times=1)

    with pytest.raises(ValueError, match=r"Unterminated string|Expecting"):
        text(house)
    answer = house.sendgrid.send(MAIL)

    assert answer.headers["X-Message-Id"] is None
    assert {message.kind for message in house.sandbox.messages()} == {"email", "sms"}


def test_a_slow_vendor_answers_late(house: House) -> None:
    house.sandbox.fault("twilio", "slow:0.2", times=1)
    started = monotonic()

    assert text(house).status == "queued"
    assert monotonic() - started >= 0.2


def test_a_vendor_may_take_a_message_at_once_and_answer_too_late(house: House) -> None:
    house.sandbox.fault("twilio", "late:30", times=1)
    house.twilio.http_client.timeout = 0.2

    with pytest.raises(requests.Timeout):
        text(house)

    assert [message.text for message in house.sandbox.messages()] == ["SEV1"]


@pytest.mark.parametrize(("kind", "code"), [("400", 20001), ("401", 20003)])
def test_a_vendor_that_refuses_takes_nothing(house: House, kind: str, code: int) -> None:
    house.sandbox.fault("twilio", kind, times=1)
    house.sandbox.fault("sendgrid", kind, times=1)

    with pytest.raises(TwilioRestException) as refusal:
        text(house)
    with pytest.raises(HTTPError) as unsent:
        house.sendgrid.send(MAIL)

    assert (refusal.value.code, unsent.value.status_code) == (code, int(kind))
    assert house.sandbox.messages() == []


def test_a_fault_can_be_confined_to_calls(house: House) -> None:
    house.sandbox.fault("twilio", "503", path="/Calls")

    assert text(house).status == "queued"
    with pytest.raises(TwilioRestException):
        house.twilio.calls.create(to=PHONE, from_=OURS, twiml="<Response/>")


def test_bad_luck_is_the_same_for_the_same_seed() -> None:
    def luck(seed: int) -> list[bool]:
        table = FaultTable()
        table.add(Fault(vendor="twilio", kind="503", probability=0.5, seed=seed))
        return [table.draw("/2010-04-01/x") is not None for _ in range(50)]

    assert luck(1) == luck(1)
    assert luck(1) != luck(2)
    assert 10 < sum(luck(1)) < 40


@pytest.mark.parametrize("kind", ["418", "slow", "slow:-1", "drop"])
def test_a_fault_that_does_not_exist_is_refused(house: House, kind: str) -> None:
    with pytest.raises(ValueError, match="kind"):
        house.sandbox.fault("twilio", kind)


def test_what_is_left_of_a_fault_can_be_seen(open_house: Callable[..., House]) -> None:
    house = open_house()
    house.sandbox.fault("sendgrid", "500", times=2)
    with pytest.raises(HTTPError):
        house.sendgrid.send(MAIL)

    [left] = requests.get(f"{house.sandbox.url}/sandbox/faults", timeout=5).json()["faults"]
    assert (left["kind"], left["times"]) == ("500", 1)
