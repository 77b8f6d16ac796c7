"""What somebody outside can do to a stack, and see of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import httpx

from tocsin.callbacks import EVENTS_PATH
from tocsin.channels.deliveries import CORRELATION_PREFIX
from tocsin.cli.errors import Unavailable
from tocsin.cli.gateway import TemporalIncidents
from tocsin.cli.main import run as type_line
from tocsin.cli.office import Office
from tocsin.embedded.play import Play, PlayError
from tocsin.embedded.stack import ROOT, Stack
from tocsin.holding import HELD
from tocsin.sandbox.callbacks import sendgrid_post
from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.signing import EventKey, twilio_signature
from tocsin.temporal import TemporalUnavailable, connect

KIT, DEE, MAX = "+12025550101", "+12025550102", "+12025550103"
"""The phones of the keeper, the deputy and the harbour master."""

RADIO = "fleet@example.org"
"""The address of the fleet's radio room."""

LONG = 60.0
"""Seconds that a busy machine may take for what is a matter of one or two."""

TWILIO_TOKEN: str = SandboxConfig.model_fields["auth_token"].default

Message = dict[str, Any]


class Onlooker(Play):
    """Looks at incidents with the command line's own code, but without a process for each look.

    Hundreds of looks are taken while tests wait for something. Whatever is told goes through a process, as ever.
    """

    LOOKS = frozenset({"list", "show", "ledger", "timeline", "messages"})

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)

        async def connected() -> TemporalIncidents:
            try:
                return TemporalIncidents(await connect(stack.temporal_address, settings=stack.settings))
            except TemporalUnavailable as error:
                raise Unavailable(str(error)) from error

        self._office = Office(connect=connected, settings=lambda: stack.settings)

    def tocsin(self, *words: str, person: str | None = None, quiet: bool = False) -> Any:
        """What the command line prints as JSON. Raises `PlayError` on a refusal."""
        if words[0] not in self.LOOKS:
            return super().tocsin(*words, person=person, quiet=quiet)
        return self._typed(*words)

    def leave(self) -> None:
        """End what is still open, so that nobody rings on: a page that did would meet what the next test does."""
        for incident in asked(self, "list"):
            if incident["status"] == "open":
                self._typed("dismiss", incident["incident"], "the test is over", "--as", "kit")

    def _typed(self, *words: str) -> Any:
        said, complaint = StringIO(), StringIO()
        with redirect_stdout(said), redirect_stderr(complaint):
            code = type_line((*words, "--output", "json"), self._office)
        if code != 0:
            raise PlayError(f"tocsin {' '.join(words)} came to {code}: {complaint.getvalue().strip()}")
        return json.loads(said.getvalue())


# Processes


@contextmanager
def running_stack(stack: Stack) -> Iterator[Stack]:
    """A stack that runs until it is left, whatever happens meanwhile."""
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@contextmanager
def dead(stack: Stack, *names: str) -> Iterator[None]:
    """Kill processes without a farewell; on leaving they are started again, those first that others need."""
    starts: dict[str, Callable[[], None]] = {
        "temporal": stack.start_temporal,
        "sandbox": stack.start_sandbox,
        "receiver": stack.start_receiver,
        "worker": stack.start_worker,
    }
    with ExitStack() as afterwards:
        for name in reversed(starts):
            if name in names:
                afterwards.callback(starts[name])
        for name in names:
            stack.kill(name)
        yield


@contextmanager
def running(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """One of our programs as a process of its own; it is dead on leaving."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """One of our programs, to its end."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )


def tocsin_ends_with(stack: Stack, *words: str) -> int:
    """The exit status of a command line."""
    command = [str(Path(sys.executable).with_name("tocsin")), *words]
    return subprocess.run(command, env=stack.child_environment(), capture_output=True, check=False).returncode


# Vendors


def let_vendor(stack: Stack, vendor: str, kind: str, **more: Any) -> None:
    """Have a bad day begin at a vendor: `tocsin.sandbox.faults` says what can go wrong, and for how long."""
    fault = {"vendor": vendor, "kind": kind, **more}
    httpx.post(f"{stack.sandbox_url}/sandbox/faults", json=fault).raise_for_status()


def let_all_be_well(stack: Stack) -> None:
    """Let the bad day end, for vendors and for recipients, whose phones have not rung lately."""
    for known in (stack.state / HELD).glob("*.json"):
        known.unlink(missing_ok=True)
    httpx.delete(f"{stack.sandbox_url}/sandbox/faults").raise_for_status()
    for recipient in (KIT, DEE, MAX, RADIO):
        let_recipient(stack, recipient, "normal")


def faults_are_used_up(stack: Stack) -> bool:
    """Whether every fault has hit: the requests that it was meant for have reached the vendor."""
    faults: list[Any] = httpx.get(f"{stack.sandbox_url}/sandbox/faults").raise_for_status().json()["faults"]
    return not faults


def let_recipient(stack: Stack, to: str, behaviour: str) -> None:
    """Have somebody's phone behave in some way from now on."""
    url = f"{stack.sandbox_url}/sandbox/recipients/{to}"
    httpx.put(url, json={"behaviour": behaviour}).raise_for_status()


def hang_up(stack: Stack, call: Message) -> None:
    """Refuse a call that rings."""
    httpx.post(f"{stack.sandbox_url}/sandbox/calls/{call['id']}/hangup").raise_for_status()


def reply(stack: Stack, text: Message, body: str) -> Message:
    """Text back to a text message; the reply, as the sandbox keeps it."""
    said = httpx.post(f"{stack.sandbox_url}/sandbox/reply", json={"message": text["id"], "body": body})
    return dict(said.raise_for_status().json())


def wants_texts_again(stack: Stack, play: Play, phone: str) -> None:
    """Take back a STOP, which is remembered for longer than a test."""
    said = httpx.post(f"{stack.sandbox_url}/sandbox/reply", json={"from": phone, "body": "START"})
    url = f"{stack.sandbox_url}/sandbox/messages/{said.raise_for_status().json()['id']}"
    play.wait_for("START to be heard", lambda: httpx.get(url).raise_for_status().json()["callbacks"], LONG)


def twilio_says(url: str, form: Mapping[str, str], token: str = TWILIO_TOKEN) -> httpx.Response:
    """Post to a URL of ours as Twilio does, signed with its token."""
    signature = twilio_signature(token, url, form)
    return httpx.post(url, data=dict(form), headers={"X-Twilio-Signature": signature})


def sendgrid_says(stack: Stack, events: Sequence[Mapping[str, Any]], key: EventKey | None = None) -> int:
    """Post events to the receiver as SendGrid does, signed with the sandbox's key; the status of the answer."""
    signs = key or EventKey.at(stack.state / "sandbox" / "events-private-key.pem")
    post = sendgrid_post(signs, f"{stack.receiver_url}{EVENTS_PATH}", events, time.time())
    return httpx.post(post.url, content=post.body, headers=post.headers).status_code


def event(email: Message, name: str, **more: Any) -> dict[str, Any]:
    """An event about an email that the sandbox has taken."""
    about = {"sg_message_id": email["id"], "email": email["to"], "timestamp": int(time.time())}
    return {**email["correlation"], **about, "event": name, **more}


# Messages and records


def arrived(play: Play, incident: str, kind: str) -> list[Message]:
    """What a vendor took for an incident, oldest first; `kind` is email, sms or call."""
    return [message for message in play.messages(kind) if _is_about(message, incident)]


def _is_about(message: Message, incident: str) -> bool:
    return (
        f"incident={incident}&" in message["status_callback"]
        or message["correlation"].get(f"{CORRELATION_PREFIX}incident") == incident
    )


def first(play: Play, incident: str, kind: str, seconds: float = LONG, to: str = "") -> Message:
    """Wait for the first message of a kind about an incident: to anybody, or to this phone."""

    def found() -> Message | None:
        return next((each for each in arrived(play, incident, kind) if to in ("", each["to"])), None)

    return play.wait_for(f"the first {kind} about {incident}{to and f' to {to}'}", found, seconds)


def asked(play: Play, *words: str) -> Any:
    """What the CLI answers, asked until it does: for some seconds Temporal still counts on a worker that was killed."""

    def answer() -> tuple[Any] | None:
        try:
            return (play.tocsin(*words, quiet=True),)
        except PlayError:
            return None

    return play.wait_for(f"an answer to tocsin {' '.join(words)}", answer, LONG)[0]


def ledger(play: Play, incident: str) -> dict[str, dict[str, Any]]:
    """The ledger by key."""
    return {row["key"]: row for row in asked(play, "ledger", incident)}


def wait_until_met(play: Play, incident: str, key: str, seconds: float = LONG) -> dict[str, Any]:
    """Wait for a promise to be kept; its row of the ledger."""

    def met() -> dict[str, Any] | None:
        row = ledger(play, incident).get(key)
        return row if row is not None and row["verdict"] == "met" else None

    return play.wait_for(f"{key} to be met", met, seconds)


def verdict(play: Play, incident: str, key: str) -> tuple[str, str]:
    """What stands on the ledger about a promise: its verdict, and the reason."""
    row = ledger(play, incident)[key]
    return row["verdict"], row["reason"]


def wait_for_verdict(play: Play, incident: str, key: str, wanted: str, reason: str) -> dict[str, Any]:
    """Wait until a promise stands so on the ledger, with a reason that begins so; its row."""

    def found() -> dict[str, Any] | None:
        row = ledger(play, incident).get(key)
        stands_so = row is not None and row["verdict"] == wanted and row["reason"].startswith(reason)
        return row if stands_so else None

    return play.wait_for(f"{key} to be {wanted}: {reason}", found, LONG)


def timeline(play: Play, incident: str) -> list[str]:
    """The words of the timeline, oldest first."""
    return [entry["text"] for entry in asked(play, "timeline", incident)]


def sends(play: Play, incident: str, **wanted: str) -> list[dict[str, Any]]:
    """The messages as the incident knows them, where they have the wanted values."""
    known: list[dict[str, Any]] = asked(play, "messages", incident)
    return [message for message in known if wanted.items() <= message.items()]
