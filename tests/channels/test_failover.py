"""Two accounts, of which one has a bad day: whoever is to be reached is reached, once where that is possible."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from prometheus_client import CollectorRegistry

from tocsin.channels.breaker import Breaker, BreakerState
from tocsin.channels.failover import Failover, PhoneFailover, Way
from tocsin.channels.metrics import VendorMetrics
from tocsin.channels.sendgrid_email import SendGridEmail
from tocsin.channels.smtp_email import SmtpEmail
from tocsin.channels.twilio_account import TwilioWays, twilio_ways
from tocsin.domain.channel import (
    AccountRefused,
    Call,
    ChannelError,
    Email,
    OutcomeUnknown,
    Receipt,
    Refused,
    Sms,
    TryAgain,
)
from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.server import Sandbox

from .mailserver import MailServer
from .test_breaker import POLICY, Clock
from .vendor import Answer, Vendor, closed_port

PERSON = "+15005550100"
SMS = Sms(to=PERSON, body="7F3K2 high. Reply 7F3K2-1.", status_callback="https://t.example/cb")
CALL = Call(to=PERSON, say="Incident 7 F 3 K 2.", status_callback="https://t.example/cb")
EMAIL = Email(to="ada@example.org", subject="s", text="t", html="<p>t</p>", message_id="m1@t.example")
TAKEN = Receipt(vendor="some", vendor_id="1", status="queued")
EARLIER = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Account:
    """A vendor's account that does what it is told, and remembers what it was asked."""

    name: str
    clock: Clock
    answers: list[Receipt | ChannelError] = field(default_factory=list)
    has: Receipt | ChannelError | None = None
    sent: list[str] = field(default_factory=list)
    asked: int = 0

    def __post_init__(self) -> None:
        self.breaker = Breaker(self.name, clock=self.clock)
        self.way = Way(self.breaker, self.send, self.find)
        self.way_without_memory = Way(self.breaker, self.send)

    def send(self, message: str) -> Receipt:
        self.sent.append(message)
        return _said(self.answers.pop(0) if self.answers else TAKEN) or TAKEN

    def find(self, message: str, since: datetime) -> Receipt | None:
        self.asked += 1
        return _said(self.has)


def _said(answer: Receipt | ChannelError | None) -> Receipt | None:
    if isinstance(answer, ChannelError):
        raise answer
    return answer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def first(clock: Clock) -> Account:
    return Account("first", clock)


@pytest.fixture
def second(clock: Clock) -> Account:
    return Account("second", clock)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def channel(first: Account, second: Account, registry: CollectorRegistry) -> Failover[str]:
    return Failover("sms", [first.way, second.way], VendorMetrics(registry=registry))


def test_while_the_first_works_the_second_is_left_alone(
    channel: Failover[str], first: Account, second: Account
) -> None:
    assert channel.send("page").vendor == "first"
    assert (first.sent, second.sent) == (["page"], [])


@pytest.mark.parametrize("failure", [TryAgain("busy"), AccountRefused("suspended", "20003")])
def test_where_the_first_fails_the_second_sends_at_once_and_the_receipt_says_so(
    channel: Failover[str], first: Account, failure: ChannelError
) -> None:
    first.answers = [failure]

    assert channel.send("page").vendor == "second"


def test_a_recipient_whom_the_vendor_refuses_is_not_tried_elsewhere_and_speaks_for_the_vendor(
    channel: Failover[str], first: Account, second: Account
) -> None:
    first.answers = [TryAgain("busy"), TryAgain("busy"), Refused("opted out", "21610")]
    channel.send("1")
    channel.send("2")
    second.sent.clear()

    with pytest.raises(Refused, match="opted out"):
        channel.send("3")

    assert second.sent == []
    first.answers = [TryAgain("busy")]
    channel.send("4")
    assert first.breaker.state is BreakerState.CLOSED, "three failures, but not in a row"


def test_what_the_first_may_have_taken_does_not_go_by_the_second(
    channel: Failover[str], first: Account, second: Account
) -> None:
    first.answers = [OutcomeUnknown("no answer")]

    with pytest.raises(OutcomeUnknown):
        channel.send("page")

    assert second.sent == []


def test_after_three_failures_the_first_is_not_even_tried_until_its_pause_is_over(
    channel: Failover[str], first: Account, clock: Clock
) -> None:
    first.answers = [TryAgain("busy")] * 3
    for number in range(5):
        assert channel.send(str(number)).vendor == "second"
    assert first.sent == ["0", "1", "2"]

    clock.now += POLICY.pause

    assert channel.send("probe").vendor == "first"
    assert channel.send("next").vendor == "first"


def test_a_probe_that_fails_costs_its_message_nothing_but_time(
    channel: Failover[str], first: Account, clock: Clock
) -> None:
    first.answers = [TryAgain("busy")] * 4
    for number in range(3):
        channel.send(str(number))
    clock.now += POLICY.pause

    assert channel.send("probe").vendor == "second"
    assert first.sent[-1] == "probe"
    assert first.breaker.due_in == 2 * POLICY.pause


def test_when_every_way_is_shut_the_one_that_is_due_soonest_is_tried_all_the_same(
    channel: Failover[str], first: Account, second: Account, clock: Clock
) -> None:
    for _ in range(3):
        second.breaker.failed("try_again")
    clock.now += 5
    for _ in range(3):
        first.breaker.failed("try_again")

    assert channel.send("page").vendor == "second"
    assert second.breaker.state is BreakerState.CLOSED


def test_when_every_way_is_shut_the_others_are_tried_after_the_one_that_is_due_soonest(
    channel: Failover[str], first: Account, second: Account, clock: Clock
) -> None:
    for _ in range(3):
        first.breaker.failed("try_again")
    clock.now += 5
    for _ in range(3):
        second.breaker.failed("try_again")
    first.answers = [TryAgain("dead")]

    assert channel.send("page").vendor == "second", "a breaker must not cost anybody a page"


def test_when_both_fail_the_message_is_to_be_tried_again_as_soon_as_either_asks_for(
    channel: Failover[str], first: Account, second: Account
) -> None:
    first.answers = [TryAgain("first is busy", timedelta(seconds=30))]
    second.answers = [TryAgain("second is busy", timedelta(seconds=7))]

    with pytest.raises(TryAgain, match="first is busy; second is busy") as failed:
        channel.send("page")

    assert failed.value.retry_after == timedelta(seconds=7)


def test_no_time_is_named_for_a_vendor_that_named_none(
    channel: Failover[str], first: Account, second: Account
) -> None:
    first.answers, second.answers = [TryAgain("busy", timedelta(seconds=60))], [TryAgain("no route")]

    with pytest.raises(TryAgain) as failed:
        channel.send("page")

    assert failed.value.retry_after is None


def test_one_account_that_is_shut_out_and_one_that_is_busy_may_be_tried_again(
    channel: Failover[str], first: Account, second: Account
) -> None:
    first.answers, second.answers = [AccountRefused("suspended", "20003")], [TryAgain("busy")]

    with pytest.raises(TryAgain, match="suspended; busy"):
        channel.send("page")


def test_only_when_all_accounts_are_shut_out_the_message_is_refused(
    channel: Failover[str], first: Account, second: Account
) -> None:
    first.answers, second.answers = [AccountRefused("suspended", "20003")], [AccountRefused("no", "20005")]

    with pytest.raises(AccountRefused) as refused:
        channel.send("page")

    assert refused.value.code == "20003"


# ---- a later attempt asks first


def test_what_an_earlier_attempt_handed_to_the_second_is_found_there(
    channel: Failover[str], second: Account
) -> None:
    second.has = TAKEN

    found = channel.find("page", EARLIER)

    assert found is not None
    assert (found.vendor, found.vendor_id) == ("second", "1")


def test_a_vendor_that_cannot_be_asked_is_asked_again_until_it_is_given_up(
    channel: Failover[str], first: Account
) -> None:
    first.answers, first.has = [OutcomeUnknown("no answer")], TryAgain("out of reach")
    with pytest.raises(OutcomeUnknown):
        channel.send("page")

    with pytest.raises(TryAgain, match="first may have the message"):
        channel.find("page", EARLIER)

    assert channel.find("page", EARLIER) is None, "given up: better twice than never"
    assert channel.send("page").vendor == "second"


def test_an_account_that_is_shut_out_has_taken_nothing(channel: Failover[str], first: Account) -> None:
    first.has = AccountRefused("suspended", "20003")

    assert channel.find("page", EARLIER) is None


def test_what_failed_is_called_by_the_same_names_in_health_and_metrics(
    channel: Failover[str], first: Account
) -> None:
    first.answers = [AccountRefused("suspended", "20003"), TryAgain("busy"), OutcomeUnknown("silence")]
    kinds = []
    for _ in range(3):
        with suppress(OutcomeUnknown):
            channel.send("page")
        assert first.breaker.last_failure is not None
        kinds.append(first.breaker.last_failure.kind)

    assert kinds == ["account_refused", "try_again", "outcome_unknown"]


def test_when_no_account_can_be_asked_it_is_tried_again_and_said_of_each_why(
    channel: Failover[str], first: Account, second: Account
) -> None:
    first.has, second.has = AccountRefused("suspended", "20003"), TryAgain("out of reach")

    with pytest.raises(TryAgain, match="suspended; out of reach"):
        channel.find("page", EARLIER)


def test_the_only_account_must_answer_before_anything_is_sent_again(first: Account) -> None:
    channel = Failover("sms", [first.way], VendorMetrics())
    first.has = TryAgain("out of reach")

    for _ in range(5):
        with pytest.raises(TryAgain, match="out of reach"):
            channel.find("page", EARLIER)


def test_a_vendor_without_memory_is_not_asked(first: Account) -> None:
    channel = Failover("email", [first.way_without_memory], VendorMetrics())

    assert channel.find("mail", EARLIER) is None
    assert first.asked == 0


def test_everything_is_counted_by_account_and_outcome(
    channel: Failover[str], first: Account, second: Account, registry: CollectorRegistry
) -> None:
    first.answers = [TryAgain("busy"), Refused("no", "21211"), OutcomeUnknown("silence")]
    channel.send("1")
    for _ in range(2):
        with pytest.raises(ChannelError):
            channel.send("2")

    def counted(vendor: str, outcome: str) -> float | None:
        labels = {"vendor": vendor, "channel": "sms", "outcome": outcome}
        return registry.get_sample_value("tocsin_vendor_requests_total", labels)

    assert [counted("first", each) for each in ("try_again", "refused", "outcome_unknown")] == [1, 1, 1]
    assert counted("second", "sent") == 1


# ---- the real SDKs


@pytest.fixture
def sandboxes() -> Iterator[tuple[Sandbox, Sandbox]]:
    other = SandboxConfig(account_sid="AC" + "2" * 32, auth_token="second-token", number="+15005550002")
    with Sandbox() as one, Sandbox(other) as two:
        yield one, two


@pytest.fixture
def accounts(sandboxes: tuple[Sandbox, Sandbox]) -> Iterator[list[TwilioWays]]:
    accounts = [
        account_at(sandbox, name, sandbox.url)
        for name, sandbox in zip(("twilio", "twilio-2"), sandboxes, strict=True)
    ]
    yield accounts
    for account in accounts:
        account.close()


@pytest.fixture
def locked_out(sandboxes: tuple[Sandbox, Sandbox]) -> Iterator[TwilioWays]:
    """The first account, with a wrong token."""
    account = account_at(sandboxes[0], "twilio", sandboxes[0].url, token="a wrong token")
    yield account
    account.close()


def account_at(sandbox: Sandbox, name: str, url: str, token: str = "") -> TwilioWays:
    config = sandbox.config
    return twilio_ways(
        name, config.account_sid, token or config.auth_token, config.number, api_url=url, timeout_seconds=1
    )


def texting(accounts: list[TwilioWays]) -> Failover[Sms]:
    return Failover("sms", [account.texts for account in accounts], VendorMetrics())


@pytest.mark.parametrize(
    ("kind", "how"), [("503", {}), ("429", {"retry_after": 60}), ("drop_before", {"times": 1})]
)
def test_a_text_leaves_by_the_second_account_when_the_first_does_not_take_it(
    sandboxes: tuple[Sandbox, Sandbox], accounts: list[TwilioWays], kind: str, how: dict[str, int]
) -> None:
    one, two = sandboxes
    one.fault("twilio", kind, path="Messages.json", **how)

    receipt = texting(accounts).send(SMS)

    assert receipt.vendor == "twilio-2"
    (text,) = two.messages("sms")
    assert (text.id, text.sender) == (receipt.vendor_id, "+15005550002")
    assert one.messages("sms") == []


def test_a_first_account_that_hangs_up_on_every_question_is_given_up_at_the_third(
    sandboxes: tuple[Sandbox, Sandbox], accounts: list[TwilioWays]
) -> None:
    one, two = sandboxes
    one.fault("twilio", "drop_before")
    channel, began = texting(accounts), datetime.now(UTC)

    with pytest.raises(OutcomeUnknown):
        channel.send(SMS)
    with pytest.raises(TryAgain):
        channel.find(SMS, began)
    assert channel.find(SMS, began) is None

    assert channel.send(SMS).vendor == "twilio-2"
    assert len(two.messages("sms")) == 1


def test_a_text_that_the_first_account_took_without_a_word_is_found_there_and_not_sent_twice(
    sandboxes: tuple[Sandbox, Sandbox], accounts: list[TwilioWays]
) -> None:
    one, two = sandboxes
    one.fault("twilio", "drop_after", times=1, path="Messages.json")

    receipt = texting(accounts).send(SMS)

    assert receipt.vendor == "twilio"
    assert len(one.messages("sms")) == 1
    assert two.messages("sms") == []


def test_a_first_account_with_a_wrong_token_is_no_fault_of_the_recipient(
    locked_out: TwilioWays, accounts: list[TwilioWays]
) -> None:
    receipt = texting([locked_out, accounts[1]]).send(SMS)

    assert receipt.vendor == "twilio-2"


def test_an_account_with_a_wrong_token_is_shut_out_also_when_it_is_asked_what_it_took(
    locked_out: TwilioWays,
) -> None:
    with pytest.raises(AccountRefused, match="401") as refused:
        texting([locked_out]).find(SMS, EARLIER)

    assert refused.value.code == "20003"
    assert locked_out.breaker.last_failure is not None
    assert locked_out.breaker.last_failure.kind == "account_refused"


def test_texts_and_calls_of_an_account_share_its_breaker(
    sandboxes: tuple[Sandbox, Sandbox], accounts: list[TwilioWays]
) -> None:
    one, _ = sandboxes
    one.fault("twilio", "503", path="Messages.json")
    texts = texting(accounts)
    calls = PhoneFailover("phone", [account.calls for account in accounts], VendorMetrics())
    for _ in range(3):
        texts.send(SMS)

    assert accounts[0].breaker.state is BreakerState.OPEN
    assert calls.call(CALL).vendor == "twilio-2"


def test_an_account_that_is_out_of_reach_costs_a_page_hardly_any_time(
    sandboxes: tuple[Sandbox, Sandbox], accounts: list[TwilioWays]
) -> None:
    away = account_at(sandboxes[0], "twilio", closed_port())
    channel, began = texting([away, accounts[1]]), monotonic()

    receipts = [channel.send(SMS) for _ in range(5)]

    away.close()
    assert {receipt.vendor for receipt in receipts} == {"twilio-2"}
    assert monotonic() - began < 5


def test_mail_goes_over_the_relay_with_the_same_name_when_sendgrid_is_down(
    sandboxes: tuple[Sandbox, Sandbox],
) -> None:
    one, _ = sandboxes
    one.fault("sendgrid", "503")
    sendgrid = SendGridEmail(one.config.api_key, "tocsin@example.com", "Tocsin", one.url)
    with MailServer() as relay:
        smtp = SmtpEmail("127.0.0.1", "tocsin@example.com", "Tocsin", port=relay.port, tls="none")
        ways = [Way(Breaker("sendgrid"), sendgrid.send), Way(Breaker("smtp"), smtp.send)]

        receipt = Failover("email", ways, VendorMetrics()).send(EMAIL)

    assert receipt.vendor == "smtp"
    (mail,) = relay.mails
    assert mail["Message-ID"] == f"<{EMAIL.message_id}>"


@pytest.mark.parametrize("status", [401, 403])
def test_mail_goes_over_the_relay_when_sendgrid_does_not_let_us_in(status: int) -> None:
    with Vendor() as shut, MailServer() as relay:
        shut.will(Answer(status, {"errors": [{"message": "no", "field": None}]}))
        sendgrid = SendGridEmail("SG.revoked", "tocsin@example.com", "Tocsin", shut.url)
        smtp = SmtpEmail("127.0.0.1", "tocsin@example.com", "Tocsin", port=relay.port, tls="none")
        ways = [Way(Breaker("sendgrid"), sendgrid.send), Way(Breaker("smtp"), smtp.send)]

        assert Failover("email", ways, VendorMetrics()).send(EMAIL).vendor == "smtp"
