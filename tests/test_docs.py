"""The documents say what the code does: their plan is checked, their commands are parsed, their tables are complete."""

from __future__ import annotations

import re
import shlex
import types
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import click
import pytest
from pydantic import BaseModel

from tocsin.cli.main import run
from tocsin.cli.main import tocsin as tocsin_command
from tocsin.cli.office import Office
from tocsin.domain import naming
from tocsin.domain.calendar import WorkingHours
from tocsin.domain.directory import Directory
from tocsin.domain.plan import REPORT_SOURCES, Plan
from tocsin.domain.words import Anchor, Verdict
from tocsin.library import check
from tocsin.settings import VARIABLES, Settings
from tocsin.sourcefiles import load_sources, unsecured
from tocsin.sources import HmacLock, Lock, Source

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
GUIDE = (DOCS / "writing-a-plan.md").read_text()
OPERATING = (DOCS / "operating.md").read_text()
MONITORS = (DOCS / "monitors.md").read_text()
MESSAGES = (DOCS / "messages.md").read_text()

WITH_LINKS = [
    *sorted(DOCS.rglob("*.md")),
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")),
]
"""Every page that may send its reader elsewhere."""

NAMING_PAGES = [
    *sorted((ROOT / "tocsin").rglob("*.py")),
    *sorted((ROOT / "tests").rglob("*.py")),
    *(ROOT / name for name in ("starter.py", "worker.py", "docker-compose.yml", ".env.example", "Makefile")),
]
"""Files whose comments and messages may send their reader to a page."""

WRITTEN_AS_TEXT = {WorkingHours}
"""Models whose keys nobody writes: they have a spelling of their own, such as `09:00-17:00`."""

UNWRITTEN = {"Allowance": {"elapsed"}}
"""Keys that have a shorter spelling: a fixed time is written as it is."""

MISTAKES = {
    "mistakes": [("within: PT30M", "within: 30 minutes"), ("grace: PT2H", "grce: PT2H")],
    "promises": [
        ("notify: {audience: clinic,", "notify: {audience: clinics,"),
        (', phone: "+12025550124"', ""),
    ],
}
"""What the guide's examples of `tocsin plan check` get wrong: what is written, and what is written instead."""


# ---- reading the documents ----


def blocks(text: str, info: str) -> list[str]:
    """The fenced blocks that begin with exactly this line."""
    return re.findall(rf"^```{re.escape(info)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def after(text: str, marker: str) -> str:
    """The text behind an invisible marker. Fails when the page has none."""
    _, found, tail = text.partition(f"<!-- {marker} -->\n")
    assert found, f"the page lacks <!-- {marker} -->"
    return tail


def column(text: str, marker: str) -> list[str]:
    """The names in the first column of the table behind a marker."""
    table = after(text, marker).split("\n\n")[0].splitlines()[2:]
    return [name for line in table for name in re.findall(r"`([^`]+)`", line.split("|")[1])]


def example(folder: Path) -> Path:
    """The guide's plan and directory, as files."""
    plan = folder / "plans" / "larkspur"
    plan.mkdir(parents=True)
    for name in ("plan.yaml", "directory.yaml"):
        (plan / name).write_text("\n".join(blocks(GUIDE, f'yaml title="{name}"')))
    return plan


# ---- the plan of the guide ----


def test_the_plan_of_the_guide_is_in_order(tmp_path):
    assert check(example(tmp_path)) == []


@pytest.mark.parametrize("shown", MISTAKES)
def test_the_problems_that_the_guide_shows_are_what_the_check_says(shown, tmp_path, monkeypatch):
    example(tmp_path)
    monkeypatch.chdir(tmp_path)
    folder = Path("plans/larkspur")
    for path in folder.glob("*.yaml"):
        text = path.read_text()
        for written, instead in MISTAKES[shown]:
            text = text.replace(written, instead)
        path.write_text(text)
    console = blocks(after(GUIDE, f"check: {shown}"), "console")[0]
    assert [str(problem) for problem in check(folder)] == console.splitlines()[1:]


def test_the_advice_that_the_guide_shows_is_what_the_check_says(tmp_path, monkeypatch, capsys):
    example(tmp_path)
    monkeypatch.chdir(tmp_path)
    office = Office(settings=lambda: Settings(plans=Path("plans")))
    assert run(["plan", "check", "larkspur"], office) == 0
    console = blocks(after(GUIDE, "check: advice"), "console")[0]
    assert capsys.readouterr().out.splitlines() == console.splitlines()[1:]


def test_what_the_guide_shows_beside_its_plan_can_be_added_to_it(tmp_path):
    folder = example(tmp_path)
    with (folder / "plan.yaml").open("a") as plan:
        plan.write("\n".join(blocks(GUIDE, "yaml")))
    assert check(folder) == []


# ---- its tables ----


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in {Annotated, Union, types.UnionType, tuple, dict}:
        for part in get_args(annotation):
            yield from models_in(part)


def reachable(root: type[BaseModel]) -> set[type[BaseModel]]:
    """Every model whose keys may be written in the file that `root` reads."""
    found: set[type[BaseModel]] = set()
    waiting = [root]
    while waiting:
        model = waiting.pop()
        if model not in found | WRITTEN_AS_TEXT:
            found.add(model)
            waiting += [each for field in model.model_fields.values() for each in models_in(field.annotation)]
    return found


def keys_of(model: type[BaseModel]) -> set[str]:
    written = {field.alias or name for name, field in model.model_fields.items()}
    return written - UNWRITTEN.get(model.__name__, set())


def tables() -> dict[str, set[str]]:
    """The keys that the guide explains, by model."""
    markers = re.findall(r"<!-- (keys: .*) -->", GUIDE)
    return {
        model: set(column(GUIDE, marker))
        for marker in markers
        for model in marker.removeprefix("keys: ").split()
    }


@pytest.mark.parametrize(
    "model", sorted(reachable(Plan) | reachable(Directory), key=lambda model: model.__name__)
)
def test_every_key_that_can_be_written_is_explained(model):
    assert tables().get(model.__name__) == keys_of(model)


def test_nothing_is_explained_that_no_plan_has():
    assert set(tables()) == {model.__name__ for model in reachable(Plan) | reachable(Directory)}


def test_every_anchor_is_explained():
    assert column(GUIDE, "anchors") == [anchor.value for anchor in Anchor]


def test_every_verdict_is_explained():
    assert column(GUIDE, "verdicts") == [verdict.value for verdict in Verdict]


def test_every_source_of_a_report_is_explained():
    named = [source for source in column(GUIDE, "sources") if not source.endswith(":NAME")]
    assert named == list(REPORT_SOURCES)


def test_every_setting_is_explained():
    assert sorted(column(OPERATING, "settings")) == sorted(VARIABLES.values())


@pytest.mark.parametrize(("table", "model"), [("source", Source), ("lock", Lock), ("hmac lock", HmacLock)])
def test_every_key_of_a_source_is_explained(table, model):
    assert sorted(column(MONITORS, table)) == sorted(model.model_fields)


def test_the_sources_that_are_shown_are_in_order(tmp_path):
    for name, text in re.findall(
        r'^```yaml title="sources/([\w-]+\.yaml)"\n(.*?)^```$', MONITORS, re.M | re.S
    ):
        (tmp_path / name).write_text(text)
        for secret in re.findall(r"file: ([\w.-]+)", text):
            (tmp_path / secret).write_text("6e1f0c4b9a7d2853\n")
    shown = load_sources(tmp_path, {"allcode"})
    assert {source.format for source in shown} >= {"grafana", "pagerduty", "cloudevents", "sns"}
    assert unsecured(shown, has_tokens=True) == []


def test_every_metric_of_the_receiver_and_the_worker_is_explained():
    source = "".join(path.read_text() for path in (ROOT / "tocsin").rglob("*.py"))
    named = set(re.findall(r'"(tocsin_(?:ingest|vendor)_\w+)"', source))
    explained = {
        *column(MONITORS, "metrics"),
        *column(MONITORS, "repeat metrics"),
        *column(MESSAGES, "metrics"),
    }
    assert named == explained


def test_every_search_attribute_is_explained():
    assert column(OPERATING, "search attributes") == list(naming.SEARCH_ATTRIBUTES)


def test_every_task_queue_is_explained():
    assert column(MESSAGES, "task queues") == list(naming.QUEUES)


# ---- the commands ----


def prose_of(page: Path) -> str:
    """A page without its blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def shown_commands() -> Iterator[tuple[str, str]]:
    """Every command of ours that somebody may copy, with its page: in a block, or in a sentence about the incident of
    the examples."""
    for page in PAGES:
        lines = "\n".join(blocks(page.read_text(), "console"))
        for words in re.findall(r"^\$ (?:[A-Z_]+=\S+ )*tocsin (.*)$", lines, re.MULTILINE):
            yield page.name, words
        for words in re.findall(r"`tocsin ([^`]*AX265[^`]*)`", prose_of(page)):
            yield page.name, words


def mentioned_commands() -> Iterator[tuple[str, str]]:
    """Every command of ours that a sentence names, with its page."""
    for page in PAGES:
        for words in re.findall(r"`tocsin ([^`]+)`", prose_of(page)):
            yield page.name, words


@pytest.mark.parametrize(("page", "words"), sorted(set(shown_commands())))
def test_a_command_that_is_shown_can_be_typed(page, words):
    read_by_click(tocsin_command, shlex.split(words))


@pytest.mark.parametrize(("page", "words"), sorted(set(mentioned_commands())))
def test_a_command_that_is_mentioned_exists(page, words):
    assert tocsin_command.get_command(click.Context(tocsin_command), words.split()[0]) is not None


def read_by_click(command: click.Command | None, arguments: list[str]) -> None:
    """Let click read a command line without running it. Raises `click.UsageError`."""
    assert command is not None
    if isinstance(command, click.Group):
        read_by_click(command.get_command(click.Context(command), arguments[0]), arguments[1:])
    else:
        command.make_context(command.name, arguments)


# ---- links and pictures ----


def anchors_of(page: Path) -> set[str]:
    """The places within a page that a link may name, as GitHub derives them from headings."""
    headings = re.findall(r"^#+ (.*)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", WITH_LINKS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, place = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} is not there"
        assert not place or place in anchors_of(file), f"{target}: {file.name} has no such heading"


def test_every_page_for_operators_is_linked_from_the_first_of_them():
    linked = set(re.findall(r"\]\(([\w-]+\.md)", OPERATING))
    assert {page.name for page in PAGES} - linked == {"operating.md"}


def test_a_page_that_the_code_names_is_there():
    named = {page for file in NAMING_PAGES for page in re.findall(r"\bdocs/[\w/-]+\.md", file.read_text())}
    assert named  # such as the page that a monitor's environment is explained on
    assert [page for page in sorted(named) if not (ROOT / page).exists()] == []


@pytest.mark.parametrize("picture", sorted((DOCS / "images").glob("*.svg")), ids=lambda path: path.name)
def test_a_picture_is_whole_and_readable_in_light_and_dark(picture):
    text = picture.read_text()
    assert ET.fromstring(text).tag.endswith("svg")  # our own file
    assert "prefers-color-scheme: dark" in text
