"""Filling a plan's templates, so that nothing that is in them can keep a message from going out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from traceback import extract_tb
from typing import Any, Literal, NamedTuple

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from tocsin.domain.durations import describe
from tocsin.markdown import prose

SHIPPED = Path(__file__).resolve().parents[1] / "plans" / "templates"
"""The words for an installation whose plans folder has none of its own."""

Kind = Literal["md", "sms", "voice", "page"]
"""An email's body in Markdown, a text message, what a call says, words on the page behind a link."""

Spelling = Callable[[str], str]
"""What is done to every text that a template puts out."""

Context = Mapping[str, Any]

_log = logging.getLogger(__name__)


ENGLISH = "en-US"
"""The language of templates whose name says none, and of what goes out in the place of one that failed."""


class Filled(NamedTuple):
    """What a template said; `failure` tells which one failed, and how, when these are the plain words.

    `language` is what it is to be read in: the template's, in the variant of whoever hears it.
    """

    text: str
    failure: str = ""
    language: str = ENGLISH


class NoWords(Exception):
    """A template says nothing, which no vendor would carry."""


class Prose(str):
    """A text in which people may write lists, strong words and tables."""

    __slots__ = ()


def as_is(text: str) -> str:
    """The spelling that changes nothing."""
    return text


def fill(folders: tuple[Path, ...], kind: Kind, context: Context, spelling: Spelling = as_is) -> Filled:
    """The message in the words of its template; `tocsin.rendering` says which one that is.

    A template that fails, or says nothing, is logged, by its name and without its contents, and `essentials` are said
    instead.
    """
    names = (context["template"], context["purpose"], "message")
    try:
        return _filled(_environment(folders, spelling), names, kind, context)
    # A template is the plan author's program. It may raise Jinja's errors, but also Python's own: of a sum of text and
    # number, a macro that calls itself, a file that is not UTF-8. Whatever it is, the page must go out.
    except Exception as error:  # noqa: BLE001
        return Filled(spelling(essentials(context, kind)), _what_failed(context, kind, error))


def sentences(folders: tuple[Path, ...], name: str, kind: Kind, context: Context) -> Filled:
    """What the template of this name has to say. Raises whatever the template does, and `NoWords`."""
    return _filled(_environment(folders, as_is), (name,), kind, context)


def in_order(names: Sequence[str], kind: Kind, language: str) -> list[str]:
    """The files in which a message's words are looked for: for each name the language's own goes first.

    For `page` and `es-MX` these are `page.es-MX.voice.j2`, `page.es.voice.j2` and `page.voice.j2`.
    """
    return [
        f"{name}.{tag}{kind}.j2" for name in names for tag in (*(f"{tag}." for tag in _tags(language)), "")
    ]


def _tags(language: str) -> list[str]:
    """The tag, and what is left of it without its last part, and so on: `es-MX`, `es`."""
    parts = language.split("-") if language else []
    return ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]


def _filled(environment: SandboxedEnvironment, names: Sequence[str], kind: Kind, context: Context) -> Filled:
    wanted = str(context.get("language", ""))
    template = environment.select_template(in_order(names, kind, wanted))
    text = template.render(context).strip()
    if not text:
        raise NoWords("the template says nothing")
    return Filled(
        text if kind == "md" else " ".join(text.split()), language=_read_in(template.name or "", wanted)
    )


def _read_in(template: str, wanted: str) -> str:
    """The language of a template, by its name; one that is `wanted` is read as they speak it where they are."""
    own = template.split(".")[1:-2]  # between the name and `voice.j2`
    return wanted if wanted.partition("-")[0] == (own[0].partition("-")[0] if own else "en") else ENGLISH


def frame(folders: tuple[Path, ...], kind: Literal["html", "txt"], body: str, context: Context) -> Filled:
    """An email's body with what surrounds it; the body alone where the frame fails."""
    environment = _environment(folders, as_is, kind == "html")
    try:
        return Filled(environment.get_template(f"frame.{kind}.j2").render(context, body=body))
    # For the same reason as in `fill`.
    except Exception as error:  # noqa: BLE001
        return Filled(body, _what_failed(context, f"frame.{kind}", error))


def essentials(context: Context, kind: Kind) -> str:
    """What must be said in any case, in plain words: drill or not, which incident, what about, how to answer."""
    drill = "DRILL " if context["is_drill"] else ""
    about = context["subject"] or context["title"]
    answer = f" Reply {context['code']} to acknowledge." if context["code"] else ""
    if kind == "voice":
        answer = ""  # the call says by itself what its keys do
    if (asked := context.get("asked")) is not None and kind != "voice":
        answer = f" Decide with code {asked.code}" + (f" or at {asked.link}" if kind == "md" else "")
    said = f"{drill}{context['reference']} {context['severity']}: {sentence(about)}{answer}"
    return said + _what_is_known(context) if kind == "md" else said


def _what_is_known(context: Context) -> str:
    report, meeting = context["report"], context["meeting"]
    lines = "".join(f"\n\n{line.heading}: {line.text}" for line in report.lines) if report else ""
    when = f"\n\n{meeting.status}: {meeting.starts:%Y-%m-%d %H:%M} UTC" if meeting else ""
    text = f"\n\n{context['text']}" if context["text"] and not meeting else ""
    return text + when + lines


def cut(context: Context, longest: int) -> Context:
    """The context with its free texts no longer than `longest` characters each."""
    free = {name: context[name] for name in ("title", "subject", "text")}
    short = {
        name: text if len(text) <= longest else f"{text[: longest - 3]}..." for name, text in free.items()
    }
    return {**context, **short}


def sentence(text: str) -> str:
    """`text` with a full stop at its end, unless it has an end already."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def spelled(text: str) -> str:
    """Every character by itself, for a voice that would read `7F3K2-2` as words; a dash is a pause: `7 F 3 K 2, 2`."""
    return " ".join(text).replace(" -", ",").replace(" ,", ",")


def _what_failed(context: Context, kind: str, error: Exception) -> str:
    """The failure in words for the record; and in the log, where the operators look."""
    what = (context["plan"].name, kind, context["template"], context["message"], told(error))
    _log.error("plan %s: the %s template of %s failed for %s with %s; plain words go out instead", *what)
    return f"the {kind} template of {context['template']} failed with {type(error).__name__}"


def told(error: Exception) -> str:
    """The failure of a template for the log: what kind it is and where in the template, and nothing that it says,
    which may be of an incident."""
    frames = [frame for frame in extract_tb(error.__traceback__) if frame.filename.endswith(".j2")]
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + place


def _spelled(value: object, spelling: Spelling) -> object:
    """What a template puts out, spelled; of prose, only what would be more than prose."""
    if isinstance(value, Prose):
        return value if spelling is as_is else prose(value)
    return spelling(value) if isinstance(value, str) else value


@lru_cache(maxsize=64)
def _environment(
    folders: tuple[Path, ...], spelling: Spelling, autoescape: bool = False
) -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        loader=FileSystemLoader([str(folder) for folder in folders]),
        undefined=StrictUndefined,
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: _spelled(value, spelling),
    )
    environment.filters.update(sentence=sentence, spelled=spelled, lasting=describe, prose=Prose)
    return environment
