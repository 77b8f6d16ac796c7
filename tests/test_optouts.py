"""Whoever replies STOP gets no texts any more, after restarts too, until they reply START."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.sms import SmsActivities
from tests.gates import OpenGate
from tocsin.domain.channel import Receipt, Refused, Sms
from tocsin.domain.directory import Contact, Directory, DrillInbox
from tocsin.domain.messages import Dispatch, Rendered
from tocsin.domain.state import PlanPin, Target
from tocsin.optouts import OptOuts

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DANA, SAM = "+12025550101", "+12025550102"


@pytest.fixture
def register(tmp_path: Path) -> OptOuts:
    return OptOuts(tmp_path)


# ---- the register ----


def test_nobody_has_opted_out_of_a_register_that_is_not_there_yet(register: OptOuts) -> None:
    assert not register.has(DANA)
    assert not register.path.exists()


def test_a_number_that_stopped_stays_so_until_it_starts_again(register: OptOuts, tmp_path: Path) -> None:
    register.stop([DANA], NOON)

    restarted = OptOuts(tmp_path)
    assert (restarted.has(DANA), restarted.has(SAM)) == (True, False)

    restarted.start([DANA], NOON)
    assert not register.has(DANA)


def test_saying_it_twice_is_noted_once(register: OptOuts) -> None:
    register.stop([DANA, DANA], NOON)
    register.stop([DANA], NOON)
    register.start([SAM], NOON)

    assert len(register.path.read_text().splitlines()) == 2  # the salt, and one opt-out


def test_no_number_is_in_the_file_and_no_two_installations_have_the_same_digest(tmp_path: Path) -> None:
    files = []
    for name in ("here", "there"):
        register = OptOuts(tmp_path / name)
        register.stop([DANA], NOON)
        files.append(register.path.read_text())

    assert all(DANA[1:] not in file for file in files)
    assert files[0].splitlines()[1] != files[1].splitlines()[1]


def test_two_that_make_the_file_at_once_agree_on_its_salt(tmp_path: Path) -> None:
    numbers = [f"+1202555{n:04}" for n in range(8)]
    at_work = [Thread(target=OptOuts(tmp_path).stop, args=([number], NOON)) for number in numbers]
    for thread in at_work:
        thread.start()
    for thread in at_work:
        thread.join()

    assert all(OptOuts(tmp_path).has(number) for number in numbers)
    assert OptOuts(tmp_path).path.read_text().count("salt") == 1


def test_a_line_that_a_crash_cut_short_is_written_over(register: OptOuts) -> None:
    register.stop([DANA], NOON)
    with register.path.open("a") as file:
        file.write('{"stopp')

    register.stop([SAM], NOON)

    assert register.has(DANA)
    assert register.has(SAM)


# ---- sending ----


class Telephones:
    """An SMS vendor: keeps what it takes, and refuses with `refusal`."""

    def __init__(self, refusal: Refused | None = None) -> None:
        self.refusal = refusal
        self.sent: list[Sms] = []

    def send(self, sms: Sms) -> Receipt:
        if self.refusal is not None:
            raise self.refusal
        self.sent.append(sms)
        return Receipt(vendor="twilio", vendor_id="SM1", status="queued")

    def find(self, sms: Sms, since: datetime) -> Receipt | None:
        return None


class Plainly:
    """Renders the subject and no more."""

    def sms(self, dispatch: Dispatch, address: str, *who: Any) -> Rendered[Sms]:
        return Rendered(Sms(to=address, body=dispatch.subject, status_callback="https://tocsin.example"))


class OneDirectory:
    """Dana alone is on call."""

    def directory(self, plan: str) -> Directory:
        return Directory(
            people={"dana": Contact(name="Dana", phone=DANA)},
            roles={"oncall": ("dana",)},
            drill=DrillInbox(email="drill@example.com", phone=SAM),
        )


def page_to_dana() -> Dispatch:
    return Dispatch(
        message="7F3K2ABCDE-m1",
        workflow="incident-7F3K2ABCDE",
        incident="7F3K2ABCDE",
        reference="7F3K2",
        plan=PlanPin(name="harbour", hash="0" * 64),
        channel="sms",
        template="page",
        purpose="page",
        target=Target(role="oncall"),
        is_drill=False,
        is_for_outsiders=False,
        subject="The crane leans",
        text="",
        title="The crane leans",
        severity="High",
        status="open",
        phase="1 immediate action",
        customer=None,
        created=NOON,
    )


def send(telephones: Telephones, register: Any) -> Any:
    activities = SmsActivities(telephones, OneDirectory(), Plainly(), register, OpenGate())
    return ActivityEnvironment().run(activities.send, page_to_dana())


def test_who_has_opted_out_is_sent_nothing_and_the_failure_names_them_by_key(register: OptOuts) -> None:
    telephones = Telephones()
    register.stop([DANA], NOON)

    with pytest.raises(ApplicationError) as failure:
        send(telephones, register)

    error = failure.value
    assert (error.type, error.non_retryable, list(error.details)) == ("OptedOut", True, ["dana"])
    assert DANA not in str(error)
    assert telephones.sent == []


def test_what_the_vendor_knows_of_an_opt_out_is_remembered(register: OptOuts) -> None:
    stopped = Refused("Twilio refused the request with 400, code 21610", code="21610")

    with pytest.raises(ApplicationError) as failure:
        send(Telephones(stopped), register)

    assert (failure.value.type, list(failure.value.details)) == ("OptedOut", ["dana"])
    assert register.has(DANA)


def test_any_other_refusal_is_no_opt_out(register: OptOuts) -> None:
    with pytest.raises(ApplicationError) as failure:
        send(Telephones(Refused("Twilio refused the request with 400, code 21211", code="21211")), register)

    assert failure.value.type == "Refused"
    assert not register.has(DANA)


def test_after_start_texts_go_out_again(register: OptOuts) -> None:
    telephones = Telephones()
    register.stop([DANA], NOON)
    register.start([DANA], NOON)

    assert send(telephones, register).reached == "dana"
    assert [sms.to for sms in telephones.sent] == [DANA]


def test_a_register_that_cannot_be_read_keeps_no_page_from_going_out(
    register: OptOuts, caplog: pytest.LogCaptureFixture
) -> None:
    register.path.write_text("scribbled over\n")

    assert send(Telephones(), register).reached == "dana"
    assert "the register of opt-outs cannot be read" in caplog.text
