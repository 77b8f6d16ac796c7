"""Imports run one way, and the domain knows neither clock nor chance nor world. Both are read from the source."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("tocsin", "workflows", "activities", "worker", "starter")
PURE = ("pydantic", "pydantic_core")
VENDORS = ("sendgrid", "python_http_client", "twilio")
FOUNDATIONS = tuple(
    f"tocsin.{path.stem}" for path in (ROOT / "tocsin").glob("*.py") if path.stem != "__init__"
)

MAY_IMPORT = {
    "tocsin.domain": (),
    "tocsin.channels": ("tocsin.domain",),
    "tocsin.sandbox": ("tocsin.domain",),
    "activities": ("tocsin.domain",),
    "workflows": ("tocsin.domain", "activities"),
    "tocsin.ingest": ("tocsin.domain", "tocsin.channels", "workflows", *FOUNDATIONS),
    # A scenario speaks the language of the command line, and the command line has a word for rehearsing it.
    "tocsin.rehearsal": (
        *("tocsin.domain", "workflows", "activities", "tocsin.sandbox", "tocsin.ingest", "tocsin.cli"),
        *("tocsin.embedded", *FOUNDATIONS),
    ),
    "tocsin.cli": (
        *("tocsin.domain", "workflows", "tocsin.ingest", "tocsin.embedded", "tocsin.rehearsal", *FOUNDATIONS),
    ),
    "tocsin.embedded": ("tocsin.domain", "tocsin.sandbox", *FOUNDATIONS),
    **dict.fromkeys(FOUNDATIONS, ("tocsin.domain", "workflows", *FOUNDATIONS)),
    "tocsin.waysout": ("tocsin.domain", "tocsin.channels", "activities", *FOUNDATIONS),
    "tocsin.workers": ("tocsin.domain", "tocsin.channels", "activities", "workflows", *FOUNDATIONS),
}
"""What of ours each part may import, beside itself. `worker` and `starter` are processes; nobody imports them."""

CLOCKS_AND_CHANCE = {
    "now": "reads the clock; `now` is a parameter of every decision",
    "utcnow": "reads the clock; `now` is a parameter of every decision",
    "today": "reads the clock; `now` is a parameter of every decision",
    "uuid1": "draws a random number",
    "uuid4": "draws a random number",
    "open": "touches the disk",
    "read_text": "touches the disk",
    "write_text": "touches the disk",
    "print": "touches the world",
    "input": "touches the world",
}
"""Calls that no decision may make, and why."""

IMPURE_MODULES = frozenset(
    {"time", "random", "secrets", "os", "io", "sys", "pathlib", "shutil", "tempfile", "subprocess", "socket"}
    | {"threading", "asyncio", "concurrent", "urllib", "http", "logging", "uuid"}
)
"""Modules of the standard library through which a clock, chance or the world would come in."""


def belongs_to(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def imported_by(source: str) -> Iterator[tuple[int, str]]:
    """Every module that is imported anywhere in the source, with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def wrong_way(package: str, source: str) -> list[str]:
    """The imports of ours, and of the vendors' SDKs, that `package` may not have."""
    allowed = (package, "tocsin.__version__", *MAY_IMPORT[package])
    vendors = () if package == "tocsin.channels" else VENDORS
    return [
        f"line {line}: {package} imports {module}"
        for line, module in imported_by(source)
        if (belongs_to(module, OURS) and not belongs_to(module, allowed)) or belongs_to(module, vendors)
    ]


def impurities(source: str) -> list[str]:
    """What would let a clock, chance or the world into a decision."""
    return [*_impure_imports(source), *_impure_calls(source)]


def _impure_imports(source: str) -> Iterator[str]:
    for line, module in imported_by(source):
        top = module.partition(".")[0]
        if top in IMPURE_MODULES or not (top in sys.stdlib_module_names or top in (*PURE, "tocsin")):
            yield f"line {line}: imports {module}"


def _impure_calls(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and (name := _called(node.func)) in CLOCKS_AND_CHANCE:
            yield f"line {node.lineno}: {name}() {CLOCKS_AND_CHANCE[name]}"


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def sources_of(package: str) -> list[Path]:
    path = ROOT.joinpath(*package.split("."))
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_run_one_way(package):
    wrong = {
        str(path.relative_to(ROOT)): wrong_way(package, path.read_text()) for path in sources_of(package)
    }
    assert {path: found for path, found in wrong.items() if found} == {}


def test_every_part_of_the_house_has_a_rule():
    folders = {f"tocsin.{path.parent.name}" for path in (ROOT / "tocsin").glob("*/__init__.py")}
    assert folders | set(FOUNDATIONS) | {"workflows", "activities"} <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", sources_of("tocsin.domain"), ids=lambda path: path.stem)
def test_the_domain_is_pure(path):
    assert impurities(path.read_text()) == []


@pytest.mark.parametrize(
    ("package", "planted"),
    [
        ("tocsin.domain", "from tocsin.channels.twiml import thanks"),
        ("tocsin.domain", "from tocsin import settings"),
        ("tocsin.channels", "from activities.email import EmailActivities"),
        ("activities", "def later():\n    from twilio.rest import Client"),
        ("activities", "import sendgrid"),
        ("workflows", "from tocsin.channels import twilio_sms"),
        ("workflows", "from tocsin.settings import Settings"),
        ("tocsin.sandbox", "from tocsin.settings import Settings"),
        ("tocsin.ingest", "import worker"),
        ("tocsin.cli", "from starter import main"),
        ("tocsin.cli", "from activities.records import Records"),
    ],
)
def test_a_planted_import_is_found(package, planted):
    assert len(wrong_way(package, planted)) == 1


@pytest.mark.parametrize(
    ("package", "fine"),
    [
        ("tocsin.domain", "from tocsin.domain.base import Value"),
        ("workflows", "from activities.records import Records"),
        ("tocsin.channels", "from twilio.rest import Client"),
        ("tocsin.cli", "from tocsin import temporal"),
    ],
)
def test_an_import_the_right_way_is_let_through(package, fine):
    assert wrong_way(package, fine) == []


@pytest.mark.parametrize(
    "planted",
    [
        "import time",
        "from random import choice",
        "import os.path",
        "from temporalio import workflow",
        "import holidays",
        "from datetime import datetime\nat = datetime.now()",
        "from datetime import date\nday = date.today()",
        "def decide():\n    return open('plan.yaml')",
    ],
)
def test_a_planted_impurity_is_found(planted):
    assert len(impurities(planted)) == 1


def test_the_types_of_time_are_no_impurity():
    assert impurities("from datetime import UTC, datetime\nat = datetime(2026, 11, 24, tzinfo=UTC)") == []
