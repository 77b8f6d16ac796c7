"""Who gets too many messages at once gets one that stands for them: soon, whatever happens to whoever sends it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.email import EmailActivities
from activities.holding import HoldingBack
from activities.phone import PhoneActivities
from activities.sms import SmsActivities
from tests.gates import MemoryOptOuts
from tests.workflows.lighthouse import HASH, FakeChannel, MemoryDirectories, PlainRenderer
from tocsin.domain.channel import Call, Email, OutcomeUnknown, Receipt, Refused, Sms, TryAgain
from tocsin.domain.digests import CLAIM, RINGING, SECOND_COMERS, SOON
from tocsin.domain.directory import Contact
from tocsin.domain.lately import Bundle
from tocsin.domain.messages import Dispatch, Dispatched, Rendered
from tocsin.domain.plan import Digest
from tocsin.domain.state import PlanPin, Target
from tocsin.holding import HeldBackMessages

NIGHT = datetime(2026, 11, 24, 3, tzinfo=UTC)
KIT, DEE = "+12025550101", "+12025550102"


class ListingWords:
    """A digest names its members."""

    def email(self, bundle: Bundle, contact: Contact, address: str) -> Rendered[Email]:
        text = self._listed(bundle)
        return Rendered(Email(to=address, subject="digest", text=text, html=text, message_id=bundle.id))

    def sms(self, bundle: Bundle, contact: Contact, address: str) -> Rendered[Sms]:
        return Rendered(Sms(to=address, body=self._listed(bundle), status_callback=bundle.id))

    def call(self, bundle: Bundle, contact: Contact, address: str) -> Rendered[Call]:
        return Rendered(Call(to=address, say=self._listed(bundle), status_callback=bundle.id))

    def _listed(self, bundle: Bundle) -> str:
        return "digest " + " ".join(each.message for each in bundle.members)


class Remembers(FakeChannel):
    """A vendor that can be asked what it took."""

    def find(self, message: Sms | Call, since: datetime) -> Receipt | None:
        words = "say" if isinstance(message, Call) else "body"
        same = [each for each in self.sent if getattr(each, words, "") == getattr(message, words)]
        return Receipt(vendor=self.name, vendor_id="found", status="sent") if same else None


@dataclass
class Night:
    """What happens to kit's telephone and mailbox; `passes` moves the clock, and messages fail or arrive."""

    state: Path
    phone: Remembers = field(default_factory=lambda: Remembers("sms"))
    mail: FakeChannel = field(default_factory=lambda: FakeChannel("email"))
    line: Remembers = field(default_factory=lambda: Remembers("phone"))
    now: datetime = NIGHT
    attempts: dict[str, int] = field(default_factory=dict)

    def passes(self, **time: float) -> None:
        self.now += timedelta(**time)

    def tries(self, message: str, **more: Any) -> Dispatched:
        """One attempt at a message, as a worker of its own makes it; raises `ApplicationError`."""
        dispatch = a_page(message, **more)
        attempt = self.attempts[message] = self.attempts.get(message, 0) + 1
        environment = ActivityEnvironment()
        environment.info = replace(
            environment.info, attempt=attempt, started_time=self.now, scheduled_time=NIGHT
        )
        gate = HoldingBack(HeldBackMessages(self.state), ListingWords())
        directories, renderer = MemoryDirectories(), PlainRenderer()
        if dispatch.channel == "email":
            emails = EmailActivities(self.mail, directories, renderer, gate)
            return environment.run(emails.send, dispatch)
        if dispatch.channel == "phone":
            calls = PhoneActivities(self.line, directories, renderer, gate)
            return environment.run(calls.call, dispatch)
        texts = SmsActivities(self.phone, directories, renderer, MemoryOptOuts(), gate)
        return environment.run(texts.send, dispatch)

    def is_held_back(self, message: str, **more: Any) -> timedelta:
        """Try it, and be told to come again: after how long."""
        with pytest.raises(ApplicationError) as held:
            self.tries(message, **more)
        assert held.value.type == "HeldBack", held.value
        assert held.value.next_retry_delay is not None
        return held.value.next_retry_delay

    def has_had_enough(self, **more: Any) -> None:
        """Two have arrived, which is all that a minute may bring."""
        for number in (1, 2):
            self.tries(f"early-{number}", **more)
        self.phone.sent.clear()

    @property
    def read(self) -> list[str]:
        """The texts that arrived."""
        return [each.body for each in self.phone.sent if isinstance(each, Sms)]

    @property
    def heard(self) -> list[str]:
        """What the calls said."""
        return [str(each.say) for each in self.line.sent if isinstance(each, Call)]


def a_page(message: str, **more: Any) -> Dispatch:
    values: dict[str, Any] = {
        "message": message,
        "workflow": "incident-K",
        "incident": "7F3K2ABCDE",
        "reference": "7F3K2",
        "plan": PlanPin(name="lighthouse", hash=HASH),
        "channel": "sms",
        "template": "page",
        "purpose": "page",
        "target": Target(person="kit"),
        "is_drill": False,
        "is_for_outsiders": False,
        "subject": message,
        "text": "",
        "code": "7F3K2-1",
        "page": 1,
        "digest": Digest(over=2, per=timedelta(minutes=1)),
        "title": "The lamp is out",
        "severity": "Dark",
        "status": "open",
        "phase": "1",
        "customer": None,
        "created": NIGHT,
        **more,
    }
    return Dispatch(**values)


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(tmp_path)


def test_as_many_as_the_plan_allows_arrive_each_by_itself(night: Night) -> None:
    night.tries("m1")
    night.tries("m2")

    assert [body.split()[-1] for body in night.read] == ["m1", "m2"]


def test_the_rest_of_a_minute_comes_together_in_one_text_and_each_knows_that_it_went(night: Night) -> None:
    night.has_had_enough()
    night.passes(seconds=10)
    first = night.is_held_back("m3")
    second = night.is_held_back("m4")
    night.is_held_back("m5")
    assert (first, second) == (timedelta(seconds=50), timedelta(seconds=50) + SECOND_COMERS)

    night.passes(seconds=50)
    sender = night.tries("m3")
    others = [night.tries("m4"), night.tries("m5")]

    assert night.read == ["digest m3 m4 m5"]
    assert {each.vendor_id for each in (sender, *others)} == {sender.vendor_id}
    assert {each.note for each in (sender, *others)} == {"went in a digest with 2 others"}
    assert [each.segments for each in (sender, *others)] == [1, 0, 0], "it is paid for once"


def test_afterwards_messages_arrive_by_themselves_again(night: Night) -> None:
    night.has_had_enough()
    night.is_held_back("m3")
    night.is_held_back("m4")
    night.passes(seconds=60)
    night.tries("m3")

    night.passes(seconds=1)
    night.tries("m6")

    assert night.read[-1].endswith("m6")


def test_one_that_waited_alone_arrives_in_its_own_words(night: Night) -> None:
    night.has_had_enough()
    night.is_held_back("m3")

    night.passes(seconds=60)
    night.tries("m3")

    assert night.read == ["7F3K2-1 m3"]


def test_what_comes_when_the_wait_is_over_goes_along_at_once(night: Night) -> None:
    night.has_had_enough()
    night.is_held_back("m3")

    night.passes(seconds=61)
    night.tries("m4")

    assert night.read == ["digest m3 m4"]


def test_somebody_else_is_not_kept_waiting(night: Night) -> None:
    night.has_had_enough()

    night.tries("m3", target=Target(person="dee"))

    assert night.phone.to == [DEE]


def test_a_person_who_is_reached_over_another_channel_is_not_spared_there(night: Night) -> None:
    night.has_had_enough()

    night.tries("m3", channel="email", purpose="reminder")

    assert len(night.mail.sent) == 1


@pytest.mark.parametrize(
    "kind", [{"purpose": "approval"}, {"purpose": "trouble"}, {"purpose": "notice", "wording": "0" * 64}]
)
def test_what_has_contents_of_its_own_is_never_held_back(night: Night, kind: dict[str, str]) -> None:
    night.has_had_enough()

    night.tries("m3", **kind)

    assert len(night.read) == 1


def test_only_reminders_are_held_back_from_a_mailbox(night: Night) -> None:
    for number in range(4):
        night.tries(f"report-{number}", channel="email", purpose="report")

    night.is_held_back("m5", channel="email", purpose="reminder")

    assert len(night.mail.sent) == 4


def test_a_digest_whose_sender_died_is_taken_over_by_another(night: Night) -> None:
    night.has_had_enough()
    night.is_held_back("m3")
    night.is_held_back("m4")
    night.passes(seconds=60)
    kill(night, "m3")

    assert night.is_held_back("m4") == CLAIM
    night.passes(seconds=60)
    night.tries("m4")
    went = night.tries("m3")

    assert night.read == ["digest m3 m4"]
    assert went.note == "went in a digest with 1 other"


def test_one_that_had_gone_before_its_sender_died_is_found_at_the_vendor_and_not_sent_again(
    night: Night,
) -> None:
    night.has_had_enough()
    night.is_held_back("m3")
    night.is_held_back("m4")
    night.passes(seconds=60)
    kill(night, "m3")
    night.phone.sent.append(Sms(to=KIT, body="digest m3 m4", status_callback=""))

    night.passes(seconds=60)
    taken_over = night.tries("m4")

    assert taken_over.vendor_id == "found"
    assert night.read == ["digest m3 m4"]


@pytest.mark.parametrize("failure", [TryAgain("busy"), OutcomeUnknown("no answer")])
def test_a_digest_that_no_vendor_took_is_tried_again_whole_by_whoever_comes_next(
    night: Night, failure: Exception
) -> None:
    night.has_had_enough()
    night.is_held_back("m3")
    night.is_held_back("m4")
    night.passes(seconds=60)
    night.phone.failures = [failure]  # type: ignore[list-item]
    with pytest.raises(ApplicationError, match=str(failure)):
        night.tries("m3")

    night.passes(seconds=1)
    night.tries("m4")
    night.tries("m3")

    assert night.read == ["digest m3 m4"]


def test_what_a_vendor_will_never_take_together_goes_out_one_by_one(night: Night) -> None:
    night.has_had_enough()
    night.is_held_back("m3")
    night.is_held_back("m4")
    night.passes(seconds=60)
    night.phone.failures = [Refused("too long")]

    night.tries("m3")
    night.tries("m4")

    assert [body.split()[-1] for body in night.read] == ["m3", "m4"]


def test_a_retry_of_what_has_left_is_never_held_back(night: Night) -> None:
    night.phone.failures = [TryAgain("busy")]
    with pytest.raises(ApplicationError, match="busy"):
        night.tries("m0")
    night.tries("m1")

    night.tries("m0")

    assert [body.split()[-1] for body in night.read] == ["m1", "m0"]


def test_without_a_folder_everything_goes_out(night: Night) -> None:
    night.state.joinpath("held").write_text("in the way of the folder")

    for number in range(4):
        night.tries(f"m{number}")

    assert len(night.read) == 4


def test_a_file_that_was_damaged_holds_nothing_back(night: Night) -> None:
    night.has_had_enough()
    night.is_held_back("m3")
    [file] = night.state.glob("held/*.json")
    file.write_text("{")

    night.tries("m3")

    assert [body.split()[-1] for body in night.read] == ["m3"]


def test_nobodys_number_is_written_down(night: Night) -> None:
    night.has_had_enough()
    night.is_held_back("m3")
    night.is_held_back("m4")
    night.passes(seconds=60)
    night.tries("m3")

    files = [path for path in night.state.rglob("*") if path.is_file()]
    assert len(files) >= 4
    assert not [path for path in files if KIT[1:].encode() in path.name.encode() + path.read_bytes()]


def test_what_is_held_back_is_known_until_it_goes(night: Night) -> None:
    night.has_had_enough()
    night.is_held_back("m3")
    night.is_held_back("m4")
    held = HeldBackMessages(night.state)
    assert [(each.plan, each.person, each.message) for each in held.waiting()] == [
        ("lighthouse", "kit", "m3"),
        ("lighthouse", "kit", "m4"),
    ]

    night.passes(seconds=60)
    night.tries("m3")

    assert held.waiting() == []
    sent = night.phone.sent[-1]
    assert isinstance(sent, Sms)
    bundle = held.digest(sent.status_callback)
    assert bundle is not None
    assert [each.message for each in bundle.members] == ["m3", "m4"]
    assert held.digest("../held/salt") is None


# ---- a flood, and something worse in it ----

BAD, WORSE, WORST = 3, 2, 1


def about(incident: str, rank: int) -> dict[str, Any]:
    return {"incident": incident, "rank": rank}


def test_a_worse_page_goes_ahead_of_a_flood_alone_and_at_once(night: Night) -> None:
    night.has_had_enough(rank=BAD)
    night.is_held_back("m3", rank=BAD)

    night.tries("m4", **about("WORSE", WORSE))
    night.tries("m5", **about("WORST", WORST))

    assert [body.split()[-1] for body in night.read] == ["m4", "m5"]


def test_only_the_first_of_those_that_are_worse_goes_ahead(night: Night) -> None:
    night.has_had_enough(rank=BAD)
    night.tries("m3", **about("ONE", WORSE))

    night.is_held_back("m4", **about("ANOTHER", WORSE))


def test_a_page_goes_ahead_of_notices_however_bad_they_are(night: Night) -> None:
    night.has_had_enough(purpose="notice", rank=WORST)

    night.is_held_back("m3", purpose="notice", rank=WORST)
    night.tries("m4", rank=BAD)

    assert len(night.read) == 1


def test_something_as_bad_as_can_be_waits_for_seconds_and_takes_all_along(night: Night) -> None:
    night.has_had_enough(**about("FIRST", WORST))
    night.is_held_back("m3", rank=BAD)

    assert night.is_held_back("m4", **about("SECOND", WORST)) == SOON
    night.passes(seconds=SOON.total_seconds())
    night.tries("m4", **about("SECOND", WORST))

    assert night.read == ["digest m3 m4"]
    night.passes(seconds=60)
    assert night.tries("m3", rank=BAD).note == "went in a digest with 1 other"


@pytest.mark.parametrize("went", ["alone", "in a digest"])
def test_what_was_heard_of_lately_is_held_back_as_anything_is(night: Night, went: str) -> None:
    night.has_had_enough(**about("FIRST", WORST))
    if went == "in a digest":
        night.is_held_back("m3", **about("SECOND", WORST))
        night.is_held_back("m4", **about("SECOND", WORST))
        night.passes(seconds=SOON.total_seconds())
        night.tries("m3", **about("SECOND", WORST))
    again = about("FIRST" if went == "alone" else "SECOND", WORST)

    assert night.is_held_back("m5", **again) > timedelta(seconds=50)


def test_a_flood_of_the_worst_brings_twice_as_many_messages_and_no_more(night: Night) -> None:
    night.has_had_enough(**about("FIRST", WORST))
    for number in range(2):
        night.is_held_back(f"a{number}", **about(f"A{number}", WORST))
        night.is_held_back(f"b{number}", **about(f"B{number}", WORST))
        night.passes(seconds=SOON.total_seconds())
        night.tries(f"a{number}", **about(f"A{number}", WORST))
    assert night.read == ["digest a0 b0", "digest a1 b1"]

    assert night.is_held_back("m9", **about("LAST", WORST)) == timedelta(minutes=1) - 2 * SOON


# ---- the telephone ----


def test_a_phone_that_rings_is_not_called_by_somebody_else_until_that_call_is_over(night: Night) -> None:
    night.tries("m1", channel="phone")
    night.passes(seconds=1)

    assert night.is_held_back("m2", channel="phone", page=2) == RINGING - timedelta(seconds=1)
    assert len(night.heard) == 1

    night.passes(seconds=RINGING.total_seconds() - 1)
    night.tries("m2", channel="phone", page=2)
    assert len(night.heard) == 2
    assert "digest" not in night.heard[1]


def test_those_that_wait_for_a_phone_come_in_one_call_also_about_the_worst(night: Night) -> None:
    night.tries("m1", channel="phone", rank=BAD)
    night.is_held_back("m2", channel="phone", rank=BAD)
    night.is_held_back("m3", channel="phone", **about("WORST", WORST))

    night.passes(seconds=RINGING.total_seconds())
    night.tries("m2", channel="phone", rank=BAD)

    assert night.heard[1:] == ["digest m2 m3"]


def test_what_waits_for_a_phone_waits_for_a_call_that_went_ahead_too(night: Night) -> None:
    calls = {"channel": "phone", "rank": BAD, "digest": Digest(over=2, per=timedelta(minutes=2))}
    night.tries("m1", **calls)
    night.passes(seconds=30)
    night.tries("m2", **calls)
    night.passes(seconds=30)
    assert night.is_held_back("m3", **calls) == timedelta(seconds=60)

    night.passes(seconds=50)
    night.tries("m4", **calls | about("WORST", WORST))
    night.passes(seconds=10)

    assert night.is_held_back("m3", **calls) == RINGING - timedelta(seconds=10)


def test_another_phone_may_ring_meanwhile(night: Night) -> None:
    night.tries("m1", channel="phone")

    night.tries("m2", channel="phone", target=Target(person="dee"))

    assert [each.to for each in night.line.sent] == [KIT, DEE]


def kill(night: Night, message: str) -> None:
    """The worker dies with the digest in its hands: it was claimed, and nothing was noted since."""
    held = HeldBackMessages(night.state)
    night.attempts[message] += 1
    held.admit(a_page(message), "kit", KIT, night.attempts[message], night.now)
