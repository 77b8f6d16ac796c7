"""Lists go by the ways of single mails: in batches by SendGrid, and one by one by the mail server that takes over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crowds import Crowd, ships
from tocsin.channels.breaker import Breaker, BreakerState
from tocsin.channels.bulk_email import SOON, BulkEmailFailover, BulkWay
from tocsin.channels.metrics import VendorMetrics
from tocsin.domain.broadcasts import Batch, BatchRefused, BulkEmail, Row
from tocsin.domain.channel import AccountRefused, ChannelError, OutcomeUnknown, Receipt, TryAgain
from tocsin.settings import Settings
from tocsin.waysout import Channels, channels_of

from .mailserver import MailServer
from .test_breaker import POLICY, Clock
from .vendor import Answer, Vendor

EMAIL = BulkEmail(subject="Fog", text="t", html="<p>t</p>", message_id="<b1@tocsin.example>", correlation={})


class Taker:
    """A vendor that takes so many at once, unless it fails; knows whom it was given."""

    def __init__(self, name: str, largest: int, clock: Clock) -> None:
        self.failures: list[ChannelError] = []
        self.sizes: list[int] = []
        self.to: list[str] = []
        self.breaker = Breaker(name, clock=clock)
        self.way = BulkWay(self.breaker, self.send, largest=largest)

    def send(self, batch: Batch) -> Receipt:
        if self.failures:
            raise self.failures.pop(0)
        self.sizes.append(len(batch.rows))
        self.to += [row.to for row in batch.rows]
        return Receipt(vendor="fake", vendor_id="1", status="accepted")

    def is_passed_over(self) -> None:
        for _ in range(3):
            self.breaker.failed("try_again")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sendgrid(clock: Clock) -> Taker:
    return Taker("sendgrid", 1_000, clock)


@pytest.fixture
def relay(clock: Clock) -> Taker:
    return Taker("smtp", 1, clock)


@pytest.fixture
def metrics() -> VendorMetrics:
    return VendorMetrics()


@pytest.fixture
def channel(sendgrid: Taker, relay: Taker, metrics: VendorMetrics) -> BulkEmailFailover:
    return BulkEmailFailover([sendgrid.way, relay.way], metrics)


def batch(size: int) -> Batch:
    return Batch(EMAIL, [Row(number, f"ship-{number}@example.org") for number in range(size)])


@pytest.mark.parametrize(("order", "largest"), [((0, 1), 1_000), ((1, 0), 1)])
def test_the_first_way_says_how_many_go_at_once(
    sendgrid: Taker, relay: Taker, order: tuple[int, int], largest: int
) -> None:
    ways = [(sendgrid.way, relay.way)[at] for at in order]

    assert BulkEmailFailover(ways, VendorMetrics()).largest == largest


@pytest.mark.parametrize("failure", [TryAgain("busy"), AccountRefused("revoked", "401")])
def test_a_large_batch_that_fails_is_tried_again_soon_and_at_the_third_time_the_relay_stands_in(
    channel: BulkEmailFailover, sendgrid: Taker, relay: Taker, failure: ChannelError
) -> None:
    sendgrid.failures = [failure] * 3
    for _ in range(3):
        assert channel.largest == 1_000
        with pytest.raises(TryAgain) as failed:
            channel.send(batch(1_000))
        assert failed.value.retry_after == SOON

    assert channel.largest == 1
    channel.send(batch(1))
    assert relay.to == ["ship-0@example.org"]


def test_a_large_batch_that_comes_too_late_is_to_be_divided_and_nobody_is_asked(
    channel: BulkEmailFailover, sendgrid: Taker, relay: Taker
) -> None:
    sendgrid.is_passed_over()

    with pytest.raises(TryAgain, match="smtp stands in, and takes 1 at once"):
        channel.send(batch(1_000))

    assert (sendgrid.sizes, relay.sizes) == ([], [])


def test_when_the_pause_is_over_the_vendor_of_the_large_batches_is_tried_first(
    channel: BulkEmailFailover, sendgrid: Taker, clock: Clock
) -> None:
    sendgrid.is_passed_over()
    clock.now += POLICY.pause

    channel.send(batch(2))

    assert sendgrid.sizes == [2]
    assert channel.largest == 1_000


def test_when_both_are_passed_over_the_one_that_is_due_first_is_asked_all_the_same(
    channel: BulkEmailFailover, sendgrid: Taker, relay: Taker, clock: Clock
) -> None:
    sendgrid.is_passed_over()
    clock.now += 5
    relay.is_passed_over()

    channel.send(batch(1_000))

    assert sendgrid.sizes == [1_000]


def test_what_may_have_been_taken_is_not_handed_to_another(
    channel: BulkEmailFailover, sendgrid: Taker, relay: Taker
) -> None:
    sendgrid.failures = [OutcomeUnknown("no answer")]

    with pytest.raises(OutcomeUnknown):
        channel.send(batch(1))
    assert relay.to == []


def test_each_batch_is_counted_once_and_a_recipient_at_fault_speaks_for_the_vendor(
    channel: BulkEmailFailover, sendgrid: Taker, metrics: VendorMetrics
) -> None:
    sendgrid.failures = [TryAgain("busy"), TryAgain("busy"), BatchRefused("no such address", "400", (7,))]
    for kind in (TryAgain, TryAgain, BatchRefused):
        with pytest.raises(kind):
            channel.send(batch(1_000))
    channel.send(batch(999))

    def counted(outcome: str) -> float | None:
        labels = {"vendor": "sendgrid", "channel": "email", "outcome": outcome}
        return metrics.registry.get_sample_value("tocsin_vendor_requests_total", labels)

    assert [counted(outcome) for outcome in ("try_again", "refused", "sent")] == [2, 1, 1]
    assert sendgrid.breaker.state is BreakerState.CLOSED


# ---- a whole broadcast


def test_a_broadcast_goes_on_one_by_one_while_sendgrid_is_away_and_in_batches_when_it_is_back(
    tmp_path: Path, channel: BulkEmailFailover, sendgrid: Taker, relay: Taker, clock: Clock
) -> None:
    crowd = Crowd.of(tmp_path, ships(2_000))
    crowd.vendor = channel  # type: ignore[assignment]
    sendgrid.failures = [TryAgain("away")] * 4  # the fourth is the probe
    for _ in range(2):
        with pytest.raises(TryAgain):
            crowd.send()
    probes = 0

    def time_passes() -> bool:
        nonlocal probes
        if len(relay.to) in {300, 600} and probes < 2:
            probes += 1
            clock.now += POLICY.pause * 2
        return True

    share = crowd.send(time_passes)

    everybody = Counter(sendgrid.to + relay.to)
    assert everybody == Counter(f"ship-{number}@example.org" for number in range(2_000))
    assert (share.counts.accepted, share.counts.may_be_doubled) == (2_000, 0)
    assert len(relay.to) == 600, "the probe after 300 failed, and the one after 600 did not"
    assert sendgrid.sizes[:4] == [1, 2, 4, 8], "a vendor that is back is not given a thousand at once"


def test_a_batch_in_doubt_is_divided_when_the_relay_stands_in_and_counted_as_doubled(
    tmp_path: Path, channel: BulkEmailFailover, sendgrid: Taker, relay: Taker
) -> None:
    crowd = Crowd.of(tmp_path, ships(10))
    crowd.vendor = channel  # type: ignore[assignment]
    sendgrid.failures = [OutcomeUnknown("no answer")] * 3
    for _ in range(3):
        with pytest.raises(OutcomeUnknown):
            crowd.send()

    share = crowd.send()

    assert len(relay.to) == len(set(relay.to)) == 10
    assert (share.counts.accepted, share.counts.left) == (10, 0)
    assert share.counts.may_be_doubled


# ---- as it is configured


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


def channels(vendor: Vendor, server: MailServer, via: str) -> Channels:
    settings: dict[str, Any] = {
        "sendgrid_api_key": "SG.key",
        "sendgrid_host": vendor.url,
        "sendgrid_from": "oncall@tocsin.example",
        "smtp_host": "127.0.0.1",
        "smtp_port": server.port,
        "smtp_tls": "none",
        "email_via": via.split(","),
        "twilio_account_sid": "AC" + "1" * 32,
        "twilio_auth_token": "token",
        "twilio_from": "+15005550006",
    }
    return channels_of(Settings.model_validate(settings))


def test_a_list_leaves_in_the_order_that_is_configured_and_is_counted(
    tmp_path: Path, vendor: Vendor, server: MailServer
) -> None:
    wired = channels(vendor, server, "smtp,sendgrid")
    crowd = Crowd.of(tmp_path, ships(3))
    crowd.vendor = wired.many  # type: ignore[assignment]

    crowd.tell_everybody()

    assert len(server.mails) == 3
    assert vendor.requests == []
    labels = {"vendor": "smtp", "channel": "email", "outcome": "sent"}
    assert wired.registry.get_sample_value("tocsin_vendor_requests_total", labels) == 3
    wired.close()


def test_a_list_leaves_by_the_mail_server_while_sendgrid_is_broken(
    tmp_path: Path, vendor: Vendor, server: MailServer
) -> None:
    vendor.will(*[Answer(503)] * 3)
    wired = channels(vendor, server, "sendgrid,smtp")
    crowd = Crowd.of(tmp_path, ships(3))
    crowd.vendor = wired.many  # type: ignore[assignment]
    for _ in range(2):
        with pytest.raises(TryAgain):
            crowd.send()

    crowd.send()

    assert len(server.mails) == 3
    (breaker, _) = wired.breakers["email"]
    assert breaker.state is BreakerState.OPEN, "pages and lists share what is known about a vendor"
    wired.close()
