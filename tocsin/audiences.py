"""Lists of recipients that are too long for a directory: a CSV file in the folder `lists/` beside the plan, or what an
adapter gives.

A CSV file is UTF-8, has a header line, and one recipient on each line after it:

    email;name;language
    ada@example.com;Lovelace, Ada;en

Its columns are `email`, `phone`, `name`, `key` and `language`, in any order; others are left alone. Cells are separated
by commas or semicolons, and may stand in quotes.

An *adapter* is a function without parameters, named as `package.module:function`, that gives rows (`Adapter`). It is
code of the installation, so only one that a loaded plan names is ever called.

    ListError       the list as a whole cannot be read; the text says where, and what to write
    AdapterFailed   the adapter gave up; asking it again may help
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from tocsin.domain.broadcasts import FIELDS, RecipientLike, Row
from tocsin.domain.channel import ChannelName

if TYPE_CHECKING:
    from tocsin.library import PlanLibrary

FOLDER = "lists"
"""Beside a plan's `plan.yaml`."""

Adapter = Callable[[], Iterable[Mapping[str, object] | RecipientLike]]
"""What `package.module:function` must be. It is called once for each broadcast; what it gives may be a generator."""

_LABEL = r"[^\W_](?:[^\W_]|-){0,62}(?<!-)"
_LOCAL = r"(?!\.)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}(?<!\.)"
_MAIL = re.compile(rf"{_LOCAL}@{_LABEL}(?:\.{_LABEL})+(?<!\d)")
_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")
_GAPS = re.compile(r"[\s()./-]")
"""How people set phone numbers out."""


class ListError(Exception):
    """A list cannot be read as a whole."""


class AdapterFailed(Exception):
    """An adapter raised something. What that says is not repeated: it may be about somebody."""


class Malformed(Exception):
    """A row cannot be written to; the text says why, and shows no address."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as the list has it: its number, and either what is in it or what is `wrong` with it."""

    number: int
    given: Mapping[str, str]
    wrong: str = ""


class Lists:
    """The lists of all plans, by the names that audiences give them."""

    def __init__(self, library: PlanLibrary) -> None:
        self._library = library

    def entries(self, plan: str, name: str) -> Iterator[Entry]:
        """Every row of a list, as it is now. Raises `ListError`, `AdapterFailed`; `LookupError` for no such plan."""
        loaded = self._library.plans[plan]
        if not _is_adapter(name):
            return read_csv(loaded.folder / FOLDER / name)
        if name not in {audience.list for audience in loaded.plan.audiences.values()}:
            raise ListError(
                f"{name} is not called: no audience of plan {plan} has it as its `list`; write it there first"
            )
        return ask_adapter(name)


def trouble_with(folder: Path, name: str) -> str:
    """Why the list of that name cannot be read for the plan in `folder`; empty when nothing speaks against it."""
    try:
        if _is_adapter(name):
            find_adapter(name)
        else:
            with _opened(folder / FOLDER / name) as lines:
                _header(folder / FOLDER / name, lines.readline())
    except ListError as error:
        return str(error)
    return ""


def row_of(entry: Entry, channel: ChannelName) -> Row:
    """The row as it can be written to over a channel. Raises `Malformed`."""
    if entry.wrong:
        raise Malformed(entry.wrong)
    given = {name: value.strip() for name, value in entry.given.items()}
    language = given.get("language", "")
    return Row(
        number=entry.number,
        to=_mail(given.get("email", "")) if channel == "email" else _phone(given.get("phone", "")),
        name=" ".join(given.get("name", "").split()),
        key=given.get("key", ""),
        language=language if _LANGUAGE.fullmatch(language) else "",
    )


def _mail(text: str) -> str:
    if not text:
        raise Malformed("has no email address")
    if not _MAIL.fullmatch(text) or ".." in text or len(text) > 254:
        raise Malformed("has an email address that is none")
    return text


def _phone(text: str) -> str:
    if not text:
        raise Malformed("has no phone number")
    number = _GAPS.sub("", text)
    if not _PHONE.fullmatch(number):
        raise Malformed(
            "has a phone number that is none; write it with its country code, such as +15005550006"
        )
    return number


# ---- CSV ----


def read_csv(path: Path) -> Iterator[Entry]:
    """The rows of a CSV file, by their lines. Raises `ListError` when the file, or its header, cannot be read."""
    with _opened(path) as lines:
        delimiter, columns = _header(path, lines.readline())
        for number, line in enumerate(lines, 2):
            if line.strip(f" \t\r\n{delimiter}"):
                yield _entry(number, line, delimiter, columns)


def _opened(path: Path) -> Any:
    try:
        # What is no UTF-8 becomes characters that no text has: only that row is broken.
        return path.open(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise ListError(
            f"{path} cannot be read: {error.strerror}; put the list there as a CSV file"
        ) from error


def _header(path: Path, line: str) -> tuple[str, Sequence[str]]:
    """The delimiter, and the names of the columns. Raises `ListError`."""
    delimiter = ";" if line.count(";") > line.count(",") else ","
    cells = _cells(line, delimiter) or []
    columns = [cell.strip().lower() for cell in cells]
    if not {"email", "phone"} & set(columns):
        raise ListError(
            f"{path}:1: has no column `email` and none `phone`; write a header line such as `email,name,language`"
        )
    for name in FIELDS:
        if columns.count(name) > 1:
            raise ListError(f"{path}:1: has two columns `{name}`; give one of them another name")
    return delimiter, columns


def _entry(number: int, line: str, delimiter: str, columns: Sequence[str]) -> Entry:
    if any("\ud800" <= character <= "\udfff" for character in line):
        return Entry(number, {}, "is not UTF-8; save the file with that encoding")
    cells = _cells(line, delimiter)
    if cells is None:
        return Entry(number, {}, "has a quote too many or too few; each row stands on a line of its own")
    if len(cells) > len(columns):
        said = f"has {len(cells)} cells, and the header has {len(columns)}"
        return Entry(number, {}, f"{said}; put what has a `{delimiter}` in it into quotes")
    return Entry(number, dict(zip(columns, cells, strict=False)))


def _cells(line: str, delimiter: str) -> list[str] | None:
    """The cells of one line; `None` where its quotes make no sense.

    Line by line, not file by file: one quote that is never closed must not swallow all who stand after it.
    """
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True))
    except (csv.Error, StopIteration):
        return None


# ---- adapters ----


def find_adapter(name: str) -> Adapter:
    """The function that `package.module:function` names. Raises `ListError`."""
    module, _, function = name.partition(":")
    try:
        found = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ListError(f"{name} is not there: {error}; install it where the workers run") from error
    # Importing runs the installation's own program, which may raise anything: then too the plan's other checks go on.
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise ListError(f"{name} cannot be imported: {what}; mend it where it is installed") from error
    if not callable(found):
        raise ListError(f"{name} is no function; it must be one without parameters that gives rows")
    adapter: Adapter = found
    return adapter


def ask_adapter(name: str) -> Iterator[Entry]:
    """What an adapter gives, numbered from 1. Raises `ListError`, `AdapterFailed`."""
    adapter = find_adapter(name)
    try:
        for number, row in enumerate(adapter(), 1):
            yield _entry_of(number, row)
    # The installation's own program, and rows that may ask a database for what is in them: they may raise anything.
    # The words of that, and its traceback, may name somebody; what kind it is and where it arose do not.
    except Exception as error:  # noqa: BLE001
        raise AdapterFailed(
            f"{name} failed with {type(error).__name__} at {_place(error, name)}; call it by hand to read the rest"
        ) from None


def _place(error: Exception, name: str) -> str:
    """The file and the line: the last of the adapter's own module, or, where it has no part in it, the very last."""
    module = name.partition(":")[0]
    frames = list(walk_tb(error.__traceback__))
    own = [each for each in frames if each[0].f_globals.get("__name__") == module]
    frame, line = (own or frames)[-1]
    return f"{frame.f_code.co_filename}:{line}"


def _entry_of(number: int, row: object) -> Entry:
    given = row if isinstance(row, Mapping) else {name: getattr(row, name, None) for name in FIELDS}
    return Entry(number, {name: str(given[name]) for name in FIELDS if given.get(name)})


def _is_adapter(name: str) -> bool:
    return ":" in name
