"""What vendors say twice, too late or not at all, what others say in their name, and directories that make no sense:
what the ledger makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e.outside import (
    DEE,
    KIT,
    LONG,
    RADIO,
    Message,
    arrived,
    event,
    first,
    hang_up,
    ledger,
    let_recipient,
    reply,
    sendgrid_says,
    timeline,
    twilio_says,
    wait_for_verdict,
)
from tests.e2e.payloads import lamp_is_out
from tocsin.callbacks import status_url
from tocsin.domain import naming
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack
from tocsin.sandbox.signing import EventKey

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

NOTHING, TOLD = {"outcome": "nothing to tell"}, {"outcome": "told"}


def text_says(text: Message, status: str, **more: str) -> httpx.Response:
    """Twilio reports on a text message that the sandbox has taken."""
    form = {"MessageSid": text["vendor_id"], "MessageStatus": status, "To": text["to"], **more}
    return twilio_says(text["status_callback"], form)


def deliveries(play: Play, incident: str) -> list[str]:
    """The lines of the timeline about what vendors reported."""
    entries = play.tocsin("timeline", incident, quiet=True)
    return [entry["text"] for entry in entries if entry["kind"] == "delivery"]


def has_heard_everything(play: Play, incident: str) -> list[str]:
    """What vendors reported, once a note is on the timeline that was said after it."""
    play.tocsin("note", incident, "so far", person="kit", quiet=True)
    return deliveries(play, incident)


def kit_answers(house: Stack, play: Play, incident: str) -> None:
    """Kit replies to the page with its code, and that counts."""
    text = first(play, incident, "sms")
    reply(house, text, naming.page_code(incident, 1))
    wait_for_verdict(play, incident, "summon", "met", "acknowledged by @kit (by sms)")


def delivered(play: Play, incident: str) -> Message:
    """The text that pages kit, once the incident has heard that it was delivered."""
    play.wait_for("the delivery to be heard of", lambda: deliveries(play, incident), LONG)
    return first(play, incident, "sms")


def reported(play: Play, incident: str) -> Message:
    """The interim report by email, once the promise to send it is kept."""
    play.tocsin("report", incident, "interim", "--send", person="kit", quiet=True)
    wait_for_verdict(play, incident, "interim-report#1", "met", "delivered to @radio")
    return arrived(play, incident, "email")[-1]


# ---- callbacks: doubled, out of order ----


def test_what_twilio_says_of_a_text_again_and_out_of_order_changes_nothing(
    house: Stack, play: Play, lamp: int
) -> None:
    incident = play.alert(lamp_is_out(lamp))["key"]
    text = delivered(play, incident)

    answers = [text_says(text, status).json() for status in ("delivered", "sent", "queued", "delivered")]

    assert answers == [TOLD, NOTHING, NOTHING, TOLD]
    (line,) = has_heard_everything(play, incident)
    assert line.endswith("delivered: delivered")
    kit_answers(house, play, incident)
    assert len(arrived(play, incident, "sms")) == 1
    assert arrived(play, incident, "call") == []


def test_a_text_that_failed_and_is_said_to_have_been_delivered_after_all_calls_nobody_a_second_time(
    house: Stack, play: Play, lamp: int
) -> None:
    let_recipient(house, KIT, "landline")
    incident = play.alert(lamp_is_out(lamp))["key"]
    call = first(play, incident, "call")

    (text,) = arrived(play, incident, "sms")
    for status in ("undelivered", "delivered", "sent"):
        text_says(text, status, ErrorCode="30006" if status == "undelivered" else "")

    assert [line for line in has_heard_everything(play, incident) if line.startswith("sms")] == [
        f"sms {incident}-m1 to @kit failed: undelivered 30006"
    ]
    play.press(call, "1")
    wait_for_verdict(play, incident, "summon", "met", "acknowledged by @kit (by phone)")
    assert [each["id"] for each in arrived(play, incident, "call")] == [call["id"]]


def test_what_twilio_says_of_a_call_again_and_out_of_order_wakes_the_deputy_once(
    house: Stack, play: Play, lamp: int
) -> None:
    let_recipient(house, KIT, "landline")
    incident = play.alert(lamp_is_out(lamp))["key"]
    call = first(play, incident, "call")
    hang_up(house, call)
    deputys = first(play, incident, "call", to=DEE)

    about = {"CallSid": call["vendor_id"]}
    for status in ("busy", "ringing", "in-progress", "busy", "initiated"):
        twilio_says(call["status_callback"], {**about, "CallStatus": status})

    assert sum(": busy" in line for line in has_heard_everything(play, incident)) == 1
    play.press(deputys, "1")
    wait_for_verdict(play, incident, "summon", "met", "acknowledged by @dee (by phone)")
    assert [each["to"] for each in arrived(play, incident, "call")] == [KIT, DEE]


def test_a_key_that_twilio_reports_twice_counts_once(house: Stack, play: Play, lamp: int) -> None:
    let_recipient(house, KIT, "landline")
    incident = play.alert(lamp_is_out(lamp))["key"]
    call = first(play, incident, "call")
    play.press(call, "1")
    row = wait_for_verdict(play, incident, "summon", "met", "acknowledged by @kit (by phone)")
    key_url = play.wait_for("the key to be reported", lambda: _key_url(play, incident), LONG)

    form = {"CallSid": call["vendor_id"], "Digits": "1", "To": KIT, "From": call["from"]}
    assert twilio_says(key_url, form).status_code == 200

    has_heard_everything(play, incident)
    assert ledger(play, incident)["summon"] == row
    assert sum("acknowledged by @kit" in line for line in timeline(play, incident)) == 1


def _key_url(play: Play, incident: str) -> str | None:
    (call,) = arrived(play, incident, "call")
    return next((made["url"] for made in call["callbacks"] if "/key?" in made["url"]), None)


def test_what_sendgrid_says_of_an_email_again_and_out_of_order_changes_nothing(
    house: Stack, play: Play, lamp: int
) -> None:
    incident = play.alert(lamp_is_out(lamp))["key"]
    email = reported(play, incident)
    row = ledger(play, incident)["interim-report#1"]

    late = [event(email, name) for name in ("delivered", "deferred", "processed", "delivered")]
    assert [sendgrid_says(house, late), sendgrid_says(house, late)] == [200, 200]

    lines = [line for line in has_heard_everything(play, incident) if line.startswith("email")]
    assert len(lines) == 1
    assert ledger(play, incident)["interim-report#1"] == row
    assert len(arrived(play, incident, "email")) == 1


def test_an_email_that_was_delivered_and_comes_back_is_owed_again_until_another_one_stays(
    house: Stack, play: Play, lamp: int
) -> None:
    incident = play.alert(lamp_is_out(lamp))["key"]
    email = reported(play, incident)

    sendgrid_says(house, [event(email, "bounce", reason="550 5.1.1 no such mailbox", type="bounce")])

    why = "not delivered to @radio by email: bounce 550 5.1.1"
    row = wait_for_verdict(play, incident, "interim-report#1", "pending", why)
    (overtaken,) = row["judgements"]
    assert overtaken["verdict"] == "met"
    assert "was returned after it had been delivered" in overtaken["reason"]
    assert any("owed again, email" in line for line in timeline(play, incident))

    reported(play, incident)
    assert len(arrived(play, incident, "email")) == 2


# ---- callbacks about nothing of ours, and by nobody whom we know ----


def test_callbacks_about_messages_that_nobody_has_sent_change_nothing(
    house: Stack, play: Play, lamp: int
) -> None:
    incident = play.alert(lamp_is_out(lamp))["key"]
    email = reported(play, incident)
    before = ledger(play, incident), has_heard_everything(play, incident)
    workflow, form = f"incident-{incident}", {"MessageSid": "SM1", "MessageStatus": "failed"}

    stranger = twilio_says(status_url(house.receiver_url, "incident-X", "X", "X-m1"), form)
    unsent = twilio_says(status_url(house.receiver_url, workflow, incident, f"{incident}-m99"), form)
    ours = {"tocsin_workflow": workflow, "tocsin_incident": incident, "tocsin_message": f"{incident}-m99"}
    events = [
        {**event(email, "bounce"), **ours},
        {"event": "delivered", "timestamp": 1, "email": "a@example.com"},
    ]

    assert (stranger.json(), unsent.json()) == (NOTHING, TOLD)
    assert sendgrid_says(house, events) == 200
    assert (ledger(play, incident), has_heard_everything(play, incident)) == before
    kit_answers(house, play, incident)


def test_forged_callbacks_are_refused_and_move_nothing_on_the_ledger(
    house: Stack, play: Play, lamp: int
) -> None:
    let_recipient(house, RADIO, "bounce")
    incident = play.alert(lamp_is_out(lamp))["key"]
    text = delivered(play, incident)
    play.tocsin("report", incident, "interim", "--send", person="kit", quiet=True)
    wait_for_verdict(play, incident, "interim-report#1", "pending", "not delivered to @radio by email")
    (email,) = arrived(play, incident, "email")
    before = ledger(play, incident), has_heard_everything(play, incident)

    failed = {"MessageSid": text["vendor_id"], "MessageStatus": "undelivered", "ErrorCode": "30006"}
    key = {"CallSid": "CA1", "Digits": "1", "To": KIT}
    forged = [
        twilio_says(text["status_callback"], failed, token="a guess").status_code,
        twilio_says(_answer_url(house, incident), key, token="a guess").status_code,
        twilio_says(f"{house.receiver_url}/v1/twilio/sms", _ack(incident), token="a guess").status_code,
        sendgrid_says(house, [event(email, "delivered")], key=EventKey.generate()),
    ]

    assert forged == [403] * 4
    assert (ledger(play, incident), has_heard_everything(play, incident)) == before
    assert ledger(play, incident)["summon"]["verdict"] == "pending"
    assert arrived(play, incident, "call") == []
    kit_answers(house, play, incident)


def _answer_url(house: Stack, incident: str) -> str:
    query = f"workflow=incident-{incident}&incident={incident}&page=1&person=kit"
    return f"{house.receiver_url}/v1/twilio/key?{query}"


def _ack(incident: str) -> dict[str, str]:
    return {"From": KIT, "Body": naming.page_code(incident, 1), "MessageSid": "SM" + "f" * 32}


# ---- directories ----


MEMBERS = "\n    radio: {name: Fleet radio room, email: fleet@example.org}"


@contextmanager
def edited(house: Stack, old: str, new: str) -> Iterator[Path]:
    """Edit the directory of a running house; on leaving it is as it was."""
    file = Path(house.environment["TOCSIN_PLANS"]) / "lighthouse" / "directory.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    try:
        yield file
    finally:
        file.write_text(text)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        pytest.param(f'phone: "{KIT}"', 'phone: "call the lighthouse"', "directory.yaml", id="no number"),
        pytest.param(f"fleet:{MEMBERS}", "fleet: {}", "plan.yaml", id="an audience of nobody"),
        pytest.param(
            "roles: {keeper: [kit]", "roles: {keeper: [kitt]", "directory.yaml", id="nobody of that name"
        ),
    ],
)
def test_a_row_that_is_broken_while_an_incident_runs_costs_nobody_a_message(
    house: Stack, play: Play, lamp: int, old: str, new: str, place: str
) -> None:
    with edited(house, old, new) as directory:
        began = len(log(house))
        incident = play.alert(lamp_is_out(lamp))["key"]
        kit_answers(house, play, incident)
        reported(play, incident)

    assert [text["to"] for text in arrived(play, incident, "sms")] == [KIT]
    assert [email["to"] for email in arrived(play, incident, "email")] == [RADIO]
    assert f"{directory.with_name(place)}:" in log(house)[began:], "the log says where"


def log(house: Stack) -> str:
    """All that the worker has written."""
    return (house.state / "logs" / "worker.log").read_text()


def test_somebody_whose_number_is_no_mobile_is_called_and_a_second_text_is_not_tried(
    house: Stack, play: Play, lamp: int
) -> None:
    let_recipient(house, KIT, "landline")

    incident = play.alert(lamp_is_out(lamp))["key"]
    play.press(first(play, incident, "call"), "1")

    wait_for_verdict(play, incident, "summon", "met", "acknowledged by @kit (by phone)")
    assert any("failed: undelivered 30006" in line for line in deliveries(play, incident))
    assert len(arrived(play, incident, "sms")) == 1
    assert len(arrived(play, incident, "call")) == 1
