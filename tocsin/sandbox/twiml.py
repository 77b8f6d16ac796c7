"""TwiML: what a call is told to say and do, and what is texted back.

A call understands `<Say>`, `<Gather>`, `<Pause>`, `<Play>`, `<Redirect>`, `<Hangup>` and `<Reject>`; any other verb is
an error, because pretending to carry it out would hide a mistake.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

_VERBS = "<Say>, <Gather>, <Pause>, <Play>, <Redirect>, <Hangup> and <Reject>"


class TwimlError(Exception):
    """The document is not TwiML, or asks for what the sandbox cannot do; the text says what and where."""


@dataclass(frozen=True, slots=True)
class Say:
    """Text read aloud, `loop` times."""

    text: str
    loop: int = 1


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence of `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on with the document at `url`."""

    url: str


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call."""


@dataclass(frozen=True, slots=True)
class Gather:
    """Speak the prompts and wait for keys, or for words where it asks for `speech`.

    The entry is complete with `num_digits` keys, with `finish_on_key`, or `timeout` seconds after the last of
    them; it is posted to `action`. Without a key the call goes on with the next verb, unless `post_empty`.
    """

    prompts: tuple[Say | Pause, ...]
    action: str
    num_digits: int | None
    timeout: float
    finish_on_key: str
    post_empty: bool
    speech: bool = False


Verb = Say | Pause | Redirect | Hangup | Gather


def parse(text: str) -> tuple[Verb, ...]:
    """The verbs of a voice document, in order; an empty answer has none. Raises `TwimlError`."""
    return tuple(_verb(element) for element in _root(text)) if text.strip() else ()


def replies(text: str) -> tuple[str, ...]:
    """The texts of the `<Message>` verbs in the answer to an inbound SMS. Raises `TwimlError`."""
    if not text.lstrip().startswith("<"):
        return ()
    return tuple(_spoken(element) for element in _root(text) if element.tag == "Message")


def _root(text: str) -> ET.Element:
    if "<!" in text.replace("<!--", "").replace("<![CDATA[", ""):
        raise TwimlError("TwiML must not contain a document type declaration; send <Response> alone")
    try:
        root = ET.fromstring(text)  # noqa: S314 - without a document type there are no entities to expand
    except ET.ParseError as error:
        raise TwimlError(f"the document is no XML: {error}; answer with <Response>…</Response>") from error
    if root.tag != "Response":
        raise TwimlError(f"the root element is <{root.tag}>; TwiML's is <Response>")
    return root


def _verb(element: ET.Element) -> Verb:
    match element.tag:
        case "Say" | "Pause" | "Play":
            return _prompt(element)
        case "Gather":
            return _gather(element)
        case "Redirect":
            return Redirect(_spoken(element))
        case "Hangup" | "Reject":
            return Hangup()
    raise TwimlError(f"<{element.tag}> is no verb that the sandbox carries out; {_VERBS} are")


def _prompt(element: ET.Element) -> Say | Pause:
    match element.tag:
        case "Say":
            return Say(_spoken(element), loop=int(_decimal(element, "loop", 1)))
        case "Play":
            return Say(f"[plays {_spoken(element)}]")
        case "Pause":
            return Pause(_decimal(element, "length", 1))
    raise TwimlError(f"<{element.tag}> cannot stand inside <Gather>; only <Say>, <Play> and <Pause> can")


def _gather(element: ET.Element) -> Gather:
    digits = element.get("numDigits")
    return Gather(
        prompts=tuple(_prompt(child) for child in element),
        action=element.get("action", ""),
        num_digits=int(_decimal(element, "numDigits", 1)) if digits else None,
        timeout=_decimal(element, "timeout", 5),
        finish_on_key=element.get("finishOnKey", "#"),
        post_empty=element.get("actionOnEmptyResult") == "true",
        speech="speech" in element.get("input", "dtmf").split(),
    )


def _spoken(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _decimal(element: ET.Element, name: str, otherwise: float) -> float:
    value = element.get(name)
    if value is None:
        return otherwise
    try:
        return float(value)
    except ValueError as error:
        raise TwimlError(f"<{element.tag} {name}='{value}'>: a number is needed") from error
