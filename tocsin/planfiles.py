"""A plan's folder, read and checked as a whole: its policy, its directory and its templates.

What could not be run keeps a plan from being loaded: text that makes no sense, names that refer to nothing, people and
audiences that can't be reached (`check`). What can be run and would break its own policy does not, because an
exception that runs out overnight must stop no receiver: it is found by `examine`, for whoever writes the plan.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError

from tocsin import calendars
from tocsin.audiences import FOLDER, Malformed, read_csv, row_of, trouble_with
from tocsin.domain.calendar import BusinessCalendar, CalendarSpec
from tocsin.domain.channel import ChannelName
from tocsin.domain.directory import Directory
from tocsin.domain.plan import Plan
from tocsin.domain.reachability import astray, unreachable
from tocsin.domain.references import inconsistencies
from tocsin.domain.review import Finding, Subject, review, rows
from tocsin.domain.state import PlanPin
from tocsin.yamlfile import Document, Problem, YamlError, read

TEMPLATE_SUFFIX = ".j2"

Edition = tuple[int, int, int]
"""What changes when a file is edited, told without reading it."""

NO_EDITION: Edition = (0, 0, 0)
"""Of a file that is not there, as while an editor saves it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedPlan:
    """A plan with its directory as last read, the hash of its content, and the folder that it came from.

    `edition` tells whether the directory's file was edited since.
    """

    plan: Plan
    directory: Directory
    hash: str
    folder: Path
    edition: Edition = NO_EDITION

    @property
    def pin(self) -> PlanPin:
        """How an incident names this version of the plan."""
        return PlanPin(name=self.plan.plan, hash=self.hash)


@dataclass(frozen=True)
class Examination:
    """What is to be said about a plan: `problems`, with which it must not be used, and `advice`."""

    problems: tuple[Problem, ...] = ()
    advice: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class _Files:
    """The two files of a plan, and what stands in them."""

    plan_file: Document
    directory_file: Document
    plan: Plan
    directory: Directory


def check(folder: Path) -> list[Problem]:
    """Everything that keeps the plan in `folder` from being loaded, in the order of its files."""
    try:
        _sound(folder)
    except YamlError as error:
        return error.problems
    return []


def examine(folder: Path, today: date) -> Examination:
    """Check the plan in `folder`; if it could be run, review it too, as of `today`."""
    try:
        files = _sound(folder)
    except YamlError as error:
        return Examination(problems=tuple(error.problems))
    subject = Subject(files.plan, files.directory, pinned(files.plan.calendar, today.year), today)
    found: dict[str, list[Problem]] = {"error": [], "advice": []}
    for finding in (*review(subject), *_lists(files.plan, folder)):
        document = files.plan_file if finding.file == "plan" else files.directory_file
        found[finding.severity].append(document.problem(finding.path, finding.text))
    problems, advice = (tuple(sorted(found[weight], key=_place)) for weight in ("error", "advice"))
    return Examination(problems, advice)


def _lists(plan: Plan, folder: Path) -> Iterator[Finding]:
    """What is wrong with lists. It keeps no plan from being loaded: they may be in order when needed.

    An adapter is not asked: that may take long, and is nothing that a check should do to somebody's customer records.
    """
    for key, audience in plan.audiences.items():
        if audience.list is None:
            continue
        if trouble := trouble_with(folder, audience.list):
            yield Finding(path=("audiences", key, "list"), text=trouble, severity="error")
        elif audience.list.endswith(".csv"):
            file = folder / FOLDER / audience.list
            yield from rows.doubtful(plan, key, [_gone_through(file, channel) for channel in rows.CHANNELS])


def _gone_through(file: Path, channel: ChannelName) -> rows.Rows:
    count, wrong = 0, []
    for count, entry in enumerate(read_csv(file), 1):  # noqa: B007  # the last is how many there are
        try:
            row_of(entry, channel)
        except Malformed as trouble:
            wrong.append(f"row {entry.number} {trouble}")
    return rows.Rows(file.name, channel, count, tuple(wrong))


def _place(problem: Problem) -> tuple[bool, int, int]:
    """In the order of the files: the plan comes first."""
    return problem.file.endswith("directory.yaml"), problem.line, problem.column


def load_all(plans: Path) -> dict[str, LoadedPlan]:
    """Every plan below `plans` by name, in the order of their names. Raises `YamlError` with all that is wrong."""
    folders = sorted(path.parent for path in plans.glob("*/plan.yaml"))
    if not folders:
        message = "holds no plan; make a folder in it with a plan.yaml and a directory.yaml"
        raise YamlError([Problem(str(plans), 1, 1, "", message)])
    loaded: dict[str, LoadedPlan] = {}
    problems: list[Problem] = []
    for folder in folders:
        try:
            each = load(folder)
        except YamlError as error:
            problems += error.problems
            continue
        if other := loaded.get(each.plan.plan):
            message = f'the plan in {other.folder} is called "{each.plan.plan}" too; rename one of them'
            problems.append(read(folder / "plan.yaml").problem(("plan",), message))
        loaded[each.plan.plan] = each
    if problems:
        raise YamlError(problems)
    return dict(sorted(loaded.items()))


def load(folder: Path) -> LoadedPlan:
    """The plan in `folder`. Raises `YamlError` with everything that keeps it from being loaded."""
    edition = _edition_of(folder)
    files = _sound(folder)
    return LoadedPlan(files.plan, files.directory, _hash(files.plan, templates_in(folder)), folder, edition)


def _sound(folder: Path) -> _Files:
    """The plan's files. Raises `YamlError` with everything that keeps it from being loaded."""
    plan_file, directory_file = _both(folder / "plan.yaml", folder / "directory.yaml")
    plan, directory = _validated(plan_file, directory_file)
    problems = [
        *(plan_file.problem(path, message) for path, message in inconsistencies(plan)),
        *_calendar_problems(plan, plan_file),
        *_directory_problems(plan, plan_file, directory, directory_file),
        *_template_problems(folder / "templates"),
    ]
    if problems:
        raise YamlError(problems)
    return _Files(plan_file, directory_file, plan, directory)


def _both(*paths: Path) -> list[Document]:
    """Read several files, and report what is wrong with any of them together."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            documents.append(read(path))
        except YamlError as error:
            problems += error.problems
    if problems:
        raise YamlError(problems)
    return documents


def _validated(plan_file: Document, directory_file: Document) -> tuple[Plan, Directory]:
    try:
        plan = plan_file.validate(Plan)
    except YamlError as error:
        raise YamlError([*error.problems, *_problems_of(directory_file)]) from None
    return plan, directory_file.validate(Directory)


def _problems_of(directory_file: Document) -> list[Problem]:
    try:
        directory_file.validate(Directory)
    except YamlError as error:
        return error.problems
    return []


def _calendar_problems(plan: Plan, file: Document) -> Iterator[Problem]:
    try:
        pinned(plan.calendar, 2024)
    except ValueError as error:
        yield file.problem(("calendar", "holidays"), str(error))


def _directory_problems(
    plan: Plan, plan_file: Document, directory: Directory, directory_file: Document
) -> Iterator[Problem]:
    for path, message in (*directory.inconsistencies(), *astray(plan, directory)):
        yield directory_file.problem(path, message)
    for path, message in unreachable(plan, directory):
        yield plan_file.problem(path, message)


def _template_problems(folder: Path) -> Iterator[Problem]:
    for path in sorted(folder.glob(f"*{TEMPLATE_SUFFIX}")):
        try:
            Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))
        except TemplateSyntaxError as error:
            yield Problem(str(path), error.lineno, 1, "", f"is not a Jinja template: {error.message}")
        except UnicodeDecodeError:
            yield Problem(str(path), 1, 1, "", "is not UTF-8; save it with that encoding")


def with_directory_of_now(loaded: LoadedPlan) -> LoadedPlan:
    """The plan with its directory read again, if that was edited.

    An edit that makes no sense leaves the directory as it was. Its places are logged, and not what stands there: that
    may be somebody's phone number.
    """
    edition = _edition_of(loaded.folder)
    if edition == loaded.edition:
        return loaded
    try:
        return replace(loaded, directory=_directory_for(loaded), edition=edition)
    except YamlError as error:
        places = ", ".join(f"{each.file}:{each.line}:{each.column}" for each in error.problems)
        advice = f"`tocsin plan check {loaded.folder}` says what is wrong"
        _log.error("directory of plan %s not taken over, see %s; %s", loaded.plan.plan, places, advice)
        return replace(loaded, edition=edition)


def _directory_for(loaded: LoadedPlan) -> Directory:
    plan_file, directory_file = _both(loaded.folder / "plan.yaml", loaded.folder / "directory.yaml")
    directory = directory_file.validate(Directory)
    problems = list(_directory_problems(loaded.plan, plan_file, directory, directory_file))
    if problems:
        raise YamlError(problems)
    return directory


def _edition_of(folder: Path) -> Edition:
    try:
        status = (folder / "directory.yaml").stat()
    except FileNotFoundError:
        return NO_EDITION
    return status.st_mtime_ns, status.st_size, status.st_ino


@lru_cache(maxsize=64)
def pinned(spec: CalendarSpec, year: int) -> BusinessCalendar:
    """Three years of business time from 1 January of `year`. Raises `ValueError` for unknown holidays."""
    return calendars.pin(spec, year)


def templates_in(folder: Path) -> dict[str, str]:
    """The text of each template of the plan in `folder`, by file name."""
    files = sorted((folder / "templates").glob(f"*{TEMPLATE_SUFFIX}"))
    return {path.name: path.read_text(encoding="utf-8") for path in files}


def canonical(plan: Plan, templates: Mapping[str, str]) -> bytes:
    """A version of a plan as the bytes that its hash is taken of: one spelling, whatever the YAML looked like."""
    content = {"plan": plan.model_dump(mode="json", by_alias=True), "templates": dict(templates)}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _hash(plan: Plan, templates: Mapping[str, str]) -> str:
    return hashlib.sha256(canonical(plan, templates)).hexdigest()
