"""The control API, the page, the command line, and what survives a restart."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from sendgrid.helpers.mail import CustomArg, Mail

from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.journal import JournalDamagedError
from tocsin.sandbox.models import Message
from tocsin.sandbox.server import Sandbox, SandboxStartError
from tocsin.sandbox.signing import EventKey, EventKeyError
from tocsin.sandbox.store import Store

from .house import OURS, PHONE, House, Receiver, config_for

GREETING = "<Response><Say>Hello.</Say></Response>"


def mail(html: str = "<p>It is down.</p>") -> Mail:
    sent = Mail("alerts@example.org", "ana@example.org", "SEV1", "It is down.", html)
    sent.add_custom_arg(CustomArg("notice", "n-1"))
    return sent


def text(house: House, body: str = "SEV1") -> str:
    return str(house.twilio.messages.create(to=PHONE, from_=OURS, body=body).sid)


def call(house: House) -> str:
    sid = house.twilio.calls.create(to=PHONE, from_=OURS, twiml=GREETING).sid
    house.sandbox.wait_for(lambda message: message.status == "ringing")
    return str(sid)


@pytest.fixture
def http(house: House) -> httpx.Client:
    with httpx.Client(base_url=house.sandbox.url) as client:
        yield client


def test_all_kinds_are_listed_in_one_shape(house: House, http: httpx.Client) -> None:
    house.sendgrid.send(mail())
    text(house)
    call(house)

    listed = http.get("/sandbox/messages").json()["messages"]

    assert [message["kind"] for message in listed] == ["email", "sms", "call"]
    assert len({tuple(message) for message in listed}) == 1
    assert listed[0]["correlation"] == {"notice": "n-1"}
    assert listed[0]["message_id"].startswith("<")
    assert http.get("/sandbox/messages", params={"kind": "sms"}).json()["messages"][0]["body"] == "SEV1"
    assert len(http.get("/sandbox/messages", params={"to": PHONE}).json()["messages"]) == 2
    assert http.get("/sandbox/messages", params={"since": "2999-01-01T00:00:00Z"}).json()["messages"] == []


def test_one_message_can_be_fetched_and_an_unknown_one_is_not_found(house: House, http: httpx.Client) -> None:
    sid = text(house)

    assert http.get(f"/sandbox/messages/{sid}").json()["id"] == sid
    assert http.get("/sandbox/messages/SMnone").status_code == 404


def test_a_person_replies_through_the_api_to_the_number_that_texted(house: House, http: httpx.Client) -> None:
    sid = text(house)

    assert http.post("/sandbox/reply", json={"message": sid, "body": "1"}).json()["status"] == "received"

    [post] = house.receiver.hears("/inbound")
    assert (post.form["From"], post.form["To"], post.form["Body"]) == (PHONE, OURS, "1")


def test_a_person_picks_up_presses_and_hangs_up_through_the_api(house: House, http: httpx.Client) -> None:
    first = call(house)
    assert http.post(f"/sandbox/calls/{first}/press", json={"digits": "1"}).status_code == 200
    house.sandbox.wait_for(lambda message: message.status == "completed")
    assert http.post(f"/sandbox/calls/{first}/hangup").status_code == 409

    second = call(house)
    assert http.post(f"/sandbox/calls/{second}/hangup").status_code == 200
    house.sandbox.wait_for(lambda message: message.id == second and message.status == "busy")


def test_faults_and_recipients_are_set_and_cleared_through_the_api(house: House, http: httpx.Client) -> None:
    assert http.post("/sandbox/faults", json={"vendor": "twilio", "kind": "503"}).status_code == 200
    assert len(http.get("/sandbox/faults").json()["faults"]) == 1
    assert http.delete("/sandbox/faults").status_code == 204
    assert http.get("/sandbox/faults").json()["faults"] == []

    http.put(f"/sandbox/recipients/{PHONE}", json={"behaviour": "landline"})
    assert http.get("/sandbox/recipients").json() == {"recipients": {PHONE: "landline"}}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/sandbox/reply", {"body": "1"}),
        ("POST", "/sandbox/faults", {"vendor": "twilio", "kind": "lazy"}),
        ("POST", "/sandbox/faults", ["twilio"]),
        ("PUT", f"/sandbox/recipients/{PHONE}", {"behaviour": "asleep"}),
        ("GET", "/sandbox/messages?kind=fax", None),
        ("GET", "/sandbox/messages?since=yesterday", None),
        ("GET", "/sandbox/messages?limit=many", None),
    ],
)
def test_what_makes_no_sense_is_answered_with_400_and_a_reason(
    http: httpx.Client, method: str, path: str, body: object
) -> None:
    answer = http.request(method, path, json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_messages_are_cleared_and_health_is_told(house: House, http: httpx.Client) -> None:
    text(house)
    assert http.get("/healthz").json() == {"status": "ok", "messages": 1}

    assert http.delete("/sandbox/messages").status_code == 204
    assert http.get("/healthz").json() == {"status": "ok", "messages": 0}


def test_another_sites_page_cannot_act_for_the_person(house: House, http: httpx.Client) -> None:
    sid = text(house)
    forged = http.post(
        "/sandbox/reply", data={"message": sid, "body": "1"}, headers={"Origin": "http://evil.example"}
    )

    assert forged.status_code == 403
    assert len(house.sandbox.messages()) == 1


def test_the_page_shows_everything_and_its_forms_lead_back_to_it(house: House, http: httpx.Client) -> None:
    house.sendgrid.send(mail())
    sid = text(house, "Reply <1> to acknowledge")
    live = call(house)

    page = http.get("/")

    assert "ana@example.org" in page.text
    assert "Reply &lt;1&gt; to acknowledge" in page.text
    assert f"/sandbox/calls/{live}/press" in page.text
    answered = http.post("/sandbox/reply", data={"message": sid, "body": "1"})
    assert (answered.status_code, answered.headers["Location"]) == (303, "/")


def test_mail_is_shown_in_a_frame_that_can_run_nothing(house: House, http: httpx.Client) -> None:
    house.sendgrid.send(mail('<script>alert(1)</script>"><img src=x onerror=alert(1)>'))

    page = http.get("/")

    [frame] = re.findall(r"<iframe[^>]*>", page.text)
    assert "allow-scripts" not in frame
    assert "allow-same-origin" not in frame
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


def test_looking_changes_nothing(house: House, http: httpx.Client) -> None:
    sid = text(house)
    house.sandbox.wait_for(lambda message: message.status == "delivered")
    before = http.get("/sandbox/pulse").json()

    for path in (
        "/",
        "/page.css",
        "/page.js",
        "/sandbox/messages",
        "/sandbox/faults",
        f"/sandbox/messages/{sid}",
    ):
        assert http.get(path).status_code == 200
    for path in ("/sandbox/reply", "/sandbox/calls/CA1/press", "/sandbox/calls/CA1/hangup"):
        assert http.get(path).status_code == 405

    assert http.get("/sandbox/pulse").json() == before


def test_messages_and_behaviours_survive_a_restart(open_house: Callable[..., House], tmp_path: Path) -> None:
    state = tmp_path / "state.jsonl"
    first = open_house(state_file=state)
    sid = text(first)
    ringing = call(first)
    first.sandbox.behave(PHONE, "landline")
    first.sandbox.wait_for(lambda message: message.status == "delivered")
    first.sandbox.stop()
    with state.open("a") as torn:
        torn.write('{"add": {"id": "SM')

    second = open_house(state_file=state)

    kept = {message.id: message for message in second.sandbox.messages()}
    assert (kept[sid].status, kept[sid].text) == ("delivered", "SEV1")
    assert kept[ringing].status == "failed"
    settled = text(second)
    assert (
        second.sandbox.wait_for(lambda m: m.id == settled and m.status == "undelivered").error_code == 30006
    )


def test_mail_that_was_under_way_is_delivered_after_a_restart(
    open_house: Callable[..., House], tmp_path: Path
) -> None:
    state = tmp_path / "state.jsonl"
    first = open_house(state_file=state, delivery_delay=60)
    first.sendgrid.send(mail())
    text(first)
    first.sandbox.stop()

    second = open_house(state_file=state)

    for kind in ("email", "sms"):
        second.sandbox.wait_for(lambda m, kind=kind: m.kind == kind and m.status == "delivered")


def test_a_damaged_state_file_is_named_with_its_line(tmp_path: Path) -> None:
    state = tmp_path / "state.jsonl"
    state.write_text('{"clear": true}\nnot json\n{"clear": true}\n')

    with pytest.raises(JournalDamagedError, match=re.escape(f"{state}:2 is not JSON")):
        Sandbox(SandboxConfig(state_file=state)).start()


def test_the_oldest_messages_give_way_when_the_store_is_full() -> None:
    store = Store(limit=3)
    for number in range(5):
        store.add(Message(str(number), "sms", PHONE, OURS, float(number), "queued", str(number)))

    assert [message.id for message in store.select()] == ["2", "3", "4"]
    assert [message.id for message in store.select(to=PHONE)] == ["2", "3", "4"]


def test_the_event_key_is_made_once_and_its_public_half_lies_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "private.pem"

    made = EventKey.at(file)

    assert file.stat().st_mode & 0o777 == 0o600
    assert (file.parent / "events-public-key").read_text() == made.public_key
    assert EventKey.at(file).public_key == made.public_key
    file.write_text("something else")
    with pytest.raises(EventKeyError, match="P-256"):
        EventKey.at(file)


def test_a_port_that_is_taken_is_an_error_that_says_so(receiver: Receiver) -> None:
    with pytest.raises(SandboxStartError, match="name another port"):
        Sandbox(SandboxConfig(port=receiver.port)).start()


async def test_a_sandbox_serves_within_a_coroutine(receiver: Receiver) -> None:
    async with Sandbox(config_for(receiver)) as sandbox:
        waiting = asyncio.create_task(sandbox.expect(lambda message: message.direction == "inbound"))
        sandbox.reply(PHONE, "1")
        assert (await waiting).text == "1"


def test_waiting_in_vain_says_what_was_sent_instead(house: House) -> None:
    text(house)
    with pytest.raises(TimeoutError, match=re.escape(f"sms to {PHONE}")):
        house.sandbox.wait_for(lambda message: message.kind == "call", timeout=0.05)


def test_the_command_line_serves_with_the_flags_given(tmp_path: Path) -> None:
    key = tmp_path / "private.pem"
    flags = [
        "--port",
        "0",
        "--event-key",
        str(key),
        "--state",
        str(tmp_path / "state.jsonl"),
        "--api-key",
        "SG.other",
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "tocsin.sandbox", *flags], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            url = process.stdout.readline().split()[-1]
            refused = httpx.post(f"{url}/v3/mail/send", headers={"Authorization": "Bearer SG.sandbox"})
            taken = httpx.post(
                f"{url}/v3/mail/send",
                headers={"Authorization": "Bearer SG.other"},
                content=json.dumps(mail().get()),
            )
            shown = httpx.get(f"{url}/sandbox/events-public-key").text
        finally:
            process.terminate()

    assert (refused.status_code, taken.status_code) == (401, 202)
    assert shown == (tmp_path / "events-public-key").read_text()
