"""The control API under `/sandbox/`: what was sent, people's answers, faults, recipients. JSON both ways.

The page's forms post here too; a form is answered with a redirect back to the page. Requests that a browser makes
for another site are refused, so that no page on the web can act for the person at the phone.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from tocsin.sandbox.calls import CallOverError, Exchange
from tocsin.sandbox.faults import Fault, FaultTable
from tocsin.sandbox.messages import Texts
from tocsin.sandbox.models import Kind, Message
from tocsin.sandbox.store import Store

DEFAULT_LIMIT = 1000
KINDS: dict[str, Kind] = {"email": "email", "sms": "sms", "call": "call"}

Handler = Callable[[Request], Awaitable[Response]]


class ControlError(Exception):
    """A request to the control API that makes no sense; answered with `status` and the text."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """The handlers of the control API."""

    def __init__(
        self, store: Store, texts: Texts, exchange: Exchange, faults: FaultTable, public_key: str
    ) -> None:
        self._store = store
        self._texts = texts
        self._exchange = exchange
        self._faults = faults
        self._public_key = public_key

    def routes(self) -> list[Route]:
        """All routes of the control API, and `/healthz`."""
        return [
            Route("/healthz", self._health, methods=["GET"]),
            Route("/sandbox/pulse", self._pulse, methods=["GET"]),
            Route("/sandbox/events-public-key", self._events_public_key, methods=["GET"]),
            _route("GET", "/sandbox/messages", self._messages),
            _route("DELETE", "/sandbox/messages", self._clear),
            _route("GET", "/sandbox/messages/{id}", self._message),
            _route("POST", "/sandbox/reply", self._reply),
            _route("POST", "/sandbox/calls", self._dial),
            _route("POST", "/sandbox/calls/{sid}/say", self._say),
            _route("POST", "/sandbox/calls/{sid}/press", self._press),
            _route("POST", "/sandbox/calls/{sid}/answer", self._answer),
            _route("POST", "/sandbox/calls/{sid}/hangup", self._hang_up),
            _route("GET", "/sandbox/faults", self._list_faults),
            _route("POST", "/sandbox/faults", self._add_fault),
            _route("DELETE", "/sandbox/faults", self._clear_faults),
            _route("GET", "/sandbox/recipients", self._recipients),
            _route("PUT", "/sandbox/recipients/{to}", self._set_recipient),
        ]

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "messages": len(self._store)})

    async def _pulse(self, request: Request) -> Response:
        """A text that is another one after every change: cheap to ask often."""
        return JSONResponse({"version": pulse(self._store, self._faults)})

    async def _events_public_key(self, request: Request) -> Response:
        return PlainTextResponse(self._public_key)

    async def _messages(self, request: Request) -> Response:
        query = request.query_params
        limit = _whole(query.get("limit"), DEFAULT_LIMIT)
        found = self._store.select(
            _kind(query.get("kind")), query.get("to"), _since(query.get("since")), limit
        )
        return JSONResponse({"messages": [message.as_json() for message in found]})

    async def _message(self, request: Request) -> Response:
        message = self._store.get(request.path_params["id"])
        if message is None:
            raise ControlError(f"there is no message {request.path_params['id']}", status=404)
        return JSONResponse(message.as_json())

    async def _clear(self, request: Request) -> Response:
        self._store.clear()
        return Response(status_code=204)

    async def _reply(self, request: Request) -> Response:
        given = await _given(request)
        original = self._store.get(str(given.get("message", "")))
        person = str(given.get("from") or (original.person if original else ""))
        body = str(given.get("body", ""))
        if not person or not body.strip():
            raise ControlError("a reply needs 'body', and 'from' (a number) or 'message' (the id of an SMS)")
        to = str(given.get("to") or (original.sender if original else ""))
        return _done(request, self._texts.reply(person, body, to))

    async def _dial(self, request: Request) -> Response:
        given = await _given(request)
        says = given.get("says", [])
        words = [says] if isinstance(says, str) else says
        if not isinstance(words, list) or not all(isinstance(each, str) for each in words):
            raise ControlError("'says' is what the person says: a text, or a list of texts")
        person, url, to = (str(given.get(name) or "") for name in ("from", "url", "to"))
        return _done(request, self._exchange.dial(person, [each for each in words if each], url, to))

    async def _say(self, request: Request) -> Response:
        text = str((await _given(request)).get("text", ""))
        return _done(request, self._exchange.say(request.path_params["sid"], text))

    async def _press(self, request: Request) -> Response:
        digits = str((await _given(request)).get("digits", ""))
        return _done(request, self._exchange.press(request.path_params["sid"], digits))

    async def _answer(self, request: Request) -> Response:
        return _done(request, self._exchange.pick_up(request.path_params["sid"]))

    async def _hang_up(self, request: Request) -> Response:
        return _done(request, self._exchange.hang_up(request.path_params["sid"]))

    async def _list_faults(self, request: Request) -> Response:
        return JSONResponse({"faults": [fault.model_dump() for fault in self._faults.active()]})

    async def _add_fault(self, request: Request) -> Response:
        self._faults.add(Fault.model_validate(await _given(request)))
        return await self._list_faults(request)

    async def _clear_faults(self, request: Request) -> Response:
        self._faults.clear()
        return Response(status_code=204)

    async def _recipients(self, request: Request) -> Response:
        return JSONResponse({"recipients": self._store.behaviours()})

    async def _set_recipient(self, request: Request) -> Response:
        behaviour = str((await _given(request)).get("behaviour", ""))
        self._store.set_behaviour(request.path_params["to"], behaviour)
        return await self._recipients(request)


def pulse(store: Store, faults: FaultTable) -> str:
    """A text that is another one whenever the page would look different."""
    return f"{store.version} {faults}"


def _route(method: str, path: str, handler: Handler) -> Route:
    async def guarded(request: Request) -> Response:
        try:
            _refuse_other_sites(request)
            return await handler(request)
        except ControlError as error:
            return JSONResponse({"error": str(error)}, error.status)
        except CallOverError as error:
            return JSONResponse({"error": str(error)}, 409)
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, 400)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)

    return Route(path, guarded, methods=[method])


def _refuse_other_sites(request: Request) -> None:
    origin = request.headers.get("Origin")
    if request.method != "GET" and origin and urlsplit(origin).netloc != request.headers.get("Host"):
        raise ControlError(
            f"a page of {origin} may not act on this sandbox; use the sandbox's own page", status=403
        )


def _is_form(request: Request) -> bool:
    return request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")


async def _given(request: Request) -> dict[str, Any]:
    """The request's fields, from JSON or from a form."""
    body = await request.body()
    if _is_form(request):
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    try:
        given = json.loads(body or b"{}")
    except ValueError as error:
        raise ControlError(f"the body is not JSON ({error}); send an object such as {{}}") from error
    if not isinstance(given, dict):
        raise ControlError(f"the body is JSON, but {type(given).__name__}; send an object")
    return given


def _done(request: Request, message: Message) -> Response:
    return RedirectResponse("/", 303) if _is_form(request) else JSONResponse(message.as_json())


def _kind(text: str | None) -> Kind | None:
    if text and text not in KINDS:
        raise ControlError(f"kind is '{text}'; it is one of {', '.join(KINDS)}")
    return KINDS[text] if text else None


def _whole(text: str | None, otherwise: int) -> int:
    if text and not text.isdecimal():
        raise ControlError(f"'{text}' is no whole number")
    return int(text) if text else otherwise


def _since(text: str | None) -> float:
    """A moment in seconds since the epoch, given so or in ISO 8601 (UTC unless it names an offset)."""
    if not text:
        return 0.0
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)  # a ValueError of its own names the text; the route answers 400
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
