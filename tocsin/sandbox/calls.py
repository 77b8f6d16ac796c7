"""Twilio's Calls API: places calls on phones that a person, or a configured behaviour, may answer. People call, too."""

from __future__ import annotations

import secrets
from collections.abc import Coroutine, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tocsin.sandbox.callbacks import Courier
from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.line import HANG_UP, PICK_UP, SAY, Line, direction, duration
from tocsin.sandbox.models import Message
from tocsin.sandbox.store import Store
from tocsin.sandbox.tasks import Background
from tocsin.sandbox.twilio import (
    ACCOUNT,
    API_VERSION,
    DateFilter,
    Form,
    Gate,
    TwilioError,
    is_number,
    is_url,
    one,
    page,
    read_form,
    rfc2822,
)

MAX_TWIML = 4000
DEFAULT_TIMEOUT = 60
MAX_TIMEOUT = 600
EVENTS = ("initiated", "ringing", "answered", "completed")
DETECTIONS = ("Enable", "DetectMessageEnd")
KEYS = frozenset("0123456789*#ABCDabcd")


class CallOverError(Exception):
    """A person acts on a call that has ended or never was; the text says which and how it ended."""


class Exchange:
    """Places calls over HTTP and connects people to those that are live."""

    def __init__(
        self, config: SandboxConfig, store: Store, courier: Courier, background: Background, gate: Gate
    ) -> None:
        self._config = config
        self._store = store
        self._courier = courier
        self._background = background
        self._gate = gate
        self._lines: dict[str, Line] = {}

    def routes(self) -> list[Route]:
        """Create, list and fetch."""
        guard = self._gate.guard
        return [
            Route(f"{ACCOUNT}/Calls.json", guard(self._create), methods=["POST"]),
            Route(f"{ACCOUNT}/Calls.json", guard(self._list), methods=["GET"]),
            Route(f"{ACCOUNT}/Calls/{{sid}}.json", guard(self._fetch), methods=["GET"]),
        ]

    def press(self, sid: str, digits: str) -> Message:
        """Press keys, picking up first if it still rings. Raises `CallOverError`, `ValueError` for no keys."""
        if not digits or not KEYS.issuperset(digits):
            raise ValueError(f"'{digits}' are no keys of a phone; press one or more of 0-9, *, # and A-D")
        return self._act(sid, *digits)

    def say(self, sid: str, words: str) -> Message:
        """Say something into a call. Raises `CallOverError`, `ValueError` for nothing."""
        if not words.strip():
            raise ValueError("nothing was said; give 'text'")
        return self._act(sid, SAY + words)

    def dial(self, person: str, says: Sequence[str] = (), url: str = "", to: str = "") -> Message:
        """A person calls a number of ours, whose calls are answered at `url`, and says so much when asked.

        Raises `ValueError` for what is no number, and without an address that answers.
        """
        answered_at = url or self._config.inbound_call_url
        if not is_number(person):
            raise ValueError(f"'{person}' is no number; a person calls 'from' one, such as +15005550100")
        if not is_url(answered_at):
            raise ValueError("nobody answers; give 'url', or start the sandbox with --inbound-call-url")
        call = self._inbound(person, to or self._config.number, answered_at)
        line = self._lines[call.id] = self._line(call)
        line.do(*(SAY + words for words in says))
        self._store.add(call)
        self._background.spawn(self._connect(call, line.dial()))
        return call

    def pick_up(self, sid: str) -> Message:
        """Pick up a ringing call and listen. Raises `CallOverError`."""
        return self._act(sid, PICK_UP)

    def hang_up(self, sid: str) -> Message:
        """Hang up; a call that still rings is refused so, and ends `busy`. Raises `CallOverError`."""
        return self._act(sid, HANG_UP)

    def resume(self, call: Message) -> None:
        """End a call that was live when the sandbox last stopped: its line is gone."""
        self._line(call).fail()

    def _line(self, call: Message) -> Line:
        return Line(call, self._config, self._store, self._courier, self._background)

    def _act(self, sid: str, *acts: str) -> Message:
        call, line = self._store.get(sid), self._lines.get(sid)
        if call is None or call.kind != "call":
            raise CallOverError(
                f"there is no call {sid}; GET /sandbox/messages?kind=call lists those there are"
            )
        if line is None:
            raise CallOverError(
                f"call {sid} to {call.to} is over ({call.status}); act on it while it is live"
            )
        line.do(*acts)
        return call

    async def _create(self, request: Request) -> Response:
        form = await read_form(request)
        _refuse(form)
        call = self._call(form)
        line = self._lines[call.id] = self._line(call)
        self._store.add(call)
        accepted = self._render(call)
        self._background.spawn(self._connect(call, line.run()))
        return JSONResponse(accepted, 201)

    async def _connect(self, call: Message, course: Coroutine[Any, Any, None]) -> None:
        try:
            await course
        finally:
            del self._lines[call.id]

    async def _list(self, request: Request) -> Response:
        dates = DateFilter(request, "StartTime")
        query = request.query_params
        sender, status = query.get("From"), query.get("Status")
        found = (
            call
            for call in self._store.newest("call", query.get("To"))
            if (not sender or call.sender == sender)
            and (not status or call.status == status)
            and dates.passes(call.at)
        )
        return page(request, found, "calls", self._render)

    async def _fetch(self, request: Request) -> Response:
        call = self._store.get(request.path_params["sid"])
        if call is None or call.kind != "call":
            raise TwilioError(20404, f"The requested resource {request.url.path} was not found", status=404)
        return JSONResponse(self._render(call))

    def _call(self, form: Form) -> Message:
        sid = "CA" + secrets.token_hex(16)
        timeout = one(form, "Timeout")
        return Message(
            id=sid,
            vendor_id=sid,
            kind="call",
            to=one(form, "To"),
            sender=one(form, "From"),
            at=self._store.now(),
            status="queued",
            twiml=form.get("Twiml", [""])[0],
            url=one(form, "Url"),
            status_callback=one(form, "StatusCallback"),
            status_events=_events(form),
            ring_seconds=min(self._config.ring_seconds, float(timeout or DEFAULT_TIMEOUT)),
            detects_machine=bool(one(form, "MachineDetection")),
            amd_callback=one(form, "AsyncAmdStatusCallback") if one(form, "AsyncAmd") == "true" else "",
        )

    def _inbound(self, person: str, to: str, url: str) -> Message:
        sid = "CA" + secrets.token_hex(16)
        return Message(
            id=sid,
            vendor_id=sid,
            kind="call",
            direction="inbound",
            to=to,
            sender=person,
            at=self._store.now(),
            status="ringing",
            url=url,
            status_callback=url,
            status_events=["completed"],
        )

    def _render(self, call: Message) -> dict[str, Any]:
        uri = f"/{API_VERSION}/Accounts/{self._config.account_sid}/Calls/{call.id}"
        return {
            "account_sid": self._config.account_sid,
            "answered_by": call.answered_by or None,
            "api_version": API_VERSION,
            "caller_name": None,
            "date_created": rfc2822(call.at),
            "date_updated": rfc2822(call.ended_at or call.answered_at or call.at),
            "direction": direction(call),
            "duration": str(duration(call)) if call.status == "completed" else None,
            "end_time": rfc2822(call.ended_at),
            "forwarded_from": None,
            "from": call.sender,
            "from_formatted": call.sender,
            "group_sid": None,
            "parent_call_sid": None,
            "phone_number_sid": None,
            "price": None,
            "price_unit": "USD",
            "queue_time": "0",
            "sid": call.id,
            "start_time": rfc2822(call.answered_at or call.ended_at),
            "status": call.status,
            "subresource_uris": {"events": f"{uri}/Events.json", "recordings": f"{uri}/Recordings.json"},
            "to": call.to,
            "to_formatted": call.to,
            "trunk_sid": None,
            "uri": f"{uri}.json",
        }


def _refuse(form: Form) -> None:
    """Raise `TwilioError` for what Twilio would not take."""
    to, sender = one(form, "To"), one(form, "From")
    url, document = one(form, "Url"), form.get("Twiml", [""])[0]
    if not to:
        raise TwilioError(21201, "No 'To' number is specified")
    if not sender:
        raise TwilioError(21213, "Caller phone number is required")
    if not is_number(to):
        raise TwilioError(21211, f"Invalid 'To' Phone Number: {to}")
    if not is_number(sender):
        raise TwilioError(21212, f"Invalid 'From' Phone Number (caller ID): {sender}")
    if not (url or document or one(form, "ApplicationSid")):
        raise TwilioError(21205, "Url parameter is required.")
    if url and not is_url(url):
        raise TwilioError(21205, f"Url is not a valid URL: {url}")
    if len(document) > MAX_TWIML:
        # the vendor documents this limit, but no code of its own for it
        raise TwilioError(
            20001, f"Twiml has {len(document)} characters; it cannot have more than {MAX_TWIML}."
        )
    for name in ("StatusCallback", "AsyncAmdStatusCallback"):
        callback = one(form, name)
        if callback and not is_url(callback):
            raise TwilioError(21609, f"The '{name}' URL {callback} is not a valid URL.")
    _refuse_timeout(one(form, "Timeout"))
    _refuse_detection(one(form, "MachineDetection"))


def _refuse_timeout(timeout: str) -> None:
    if timeout and not (timeout.isdecimal() and 0 < int(timeout) <= MAX_TIMEOUT):
        raise TwilioError(20001, f"Timeout is '{timeout}'; it must be from 1 to {MAX_TIMEOUT} seconds.")


def _refuse_detection(wanted: str) -> None:
    if wanted and wanted not in DETECTIONS:
        raise TwilioError(
            20001, f"MachineDetection is '{wanted}'; it must be one of {', '.join(DETECTIONS)}."
        )


def _events(form: Form) -> list[str]:
    """The progress events asked for, repeated or separated by blanks; unknown ones are passed over, as Twilio does."""
    asked = {event for value in form.get("StatusCallbackEvent", []) for event in value.split()}
    return [event for event in EVENTS if event in asked] or ["completed"]
