"""The command line itself: its help, how quickly it comes, completion, and plans that are checked."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.cli.office import Desk, library_of_the_harbour
from tests.domain import harbour
from tocsin.cli import main
from tocsin.cli.main import tocsin
from tocsin.settings import Settings

TOCSIN = [sys.executable, "-c", "from tocsin.cli.main import entry; entry()"]
CPU_OF_HELP = 0.5
"""Seconds; it is a fifth of that on an idle machine."""


def test_help_is_immediate() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    shown = subprocess.run([*TOCSIN, "--help"], check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert shown.startswith("Usage: tocsin")
    assert after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime < CPU_OF_HELP


@pytest.mark.parametrize("heavy", ["temporalio", "pydantic", "fastapi", "asyncio"])
def test_help_imports_nothing_heavy(heavy: str) -> None:
    program = (
        f"import sys; from tocsin.cli.main import run; run(['--help']); sys.exit({heavy!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, capture_output=True).returncode == 0


def test_the_list_of_commands_tells_what_each_tells_of_itself() -> None:
    context = click.Context(tocsin)
    for name in tocsin.list_commands(context):
        command = tocsin.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert (command.help or "").splitlines()[0] == tocsin.commands[name].short_help


@pytest.mark.parametrize("name", list(tocsin.commands))
def test_every_command_explains_itself(desk: Desk, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert desk.types(name, "--help") == 0
    assert f"Usage: tocsin {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in tocsin.commands
        if name not in {"plan", "ingest", "keys", "evidence", "token", "broadcast", "completion"}
    ],
)
def test_every_command_can_answer_in_json(desk: Desk, capsys: pytest.CaptureFixture[str], name: str) -> None:
    desk.types(name, "--help")
    assert "-o, --output [text|json" in capsys.readouterr().out


def test_a_mistyped_command_is_recognised(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.types("tmeline", "7F3K2") == 2
    assert "timeline" in capsys.readouterr().err


def test_a_usage_error_in_json(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.types("show", "--nope", "-o", "json") == 2

    problem = json.loads(capsys.readouterr().err)
    assert problem["error"] == "usage"
    assert "--nope" in problem["message"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(
    desk: Desk, capsys: pytest.CaptureFixture[str], shell: str
) -> None:
    assert desk.types("completion", shell) == 0
    assert f"_TOCSIN_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_subcommands_are_completed_without_importing_them() -> None:
    program = [sys.executable, "-c", "from tocsin.cli.main import entry; entry()"]
    asked = {"_TOCSIN_COMPLETE": "bash_complete", "COMP_WORDS": "tocsin re", "COMP_CWORD": "1"}

    completed = subprocess.run(program, env=asked, check=True, capture_output=True, text=True).stdout

    offered = ["plain,resolve", "plain,reopen", "plain,reword", "plain,report", "plain,rehearse"]
    assert completed.split() == offered


@pytest.mark.parametrize("fact", ["cause", "=rust", "cause="])
def test_a_fact_without_name_or_value_is_no_fact(
    desk: Desk, capsys: pytest.CaptureFixture[str], fact: str
) -> None:
    assert desk.types("declare", "--plan", "harbour", "--title", "A crane leans", "--fact", fact) == 2
    assert f'"{fact}" is not a fact; write --fact NAME=VALUE' in capsys.readouterr().err


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    """A library with the harbour's plan."""
    return library_of_the_harbour(tmp_path)


def _check(plans: Path, *words: str) -> int:
    office = main.Office(settings=lambda: Settings(plans=plans))
    return main.run(["plan", "check", *words], office)


@pytest.mark.parametrize("named", ["", "harbour", "{plans}/harbour", "{plans}/harbour/plan.yaml"])
def test_a_plan_that_is_in_order_is_told_to_be(
    plans: Path, capsys: pytest.CaptureFixture[str], named: str
) -> None:
    words = [named.format(plans=plans)] if named else []

    assert _check(plans, *words) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == "plan harbour: in order, with 4 pieces of advice"
    assert printed.err == ""


def test_every_problem_of_a_plan_is_told_with_file_line_and_column(
    plans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = plans / "harbour" / "plan.yaml"
    file.write_text(
        harbour.PLAN.replace("{role: pilot, via: [sms, phone]", "{role: pirate, via: [sms, phone]")
    )

    assert _check(plans) == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"{file}:")
    assert '"pirate" is not among the roles' in printed.err
    assert _check(plans, "-o", "json") == 1
    [plan] = json.loads(capsys.readouterr().err)["plans"]
    assert plan["plan"] == "harbour"
    assert plan["problems"][0]["line"] > 1


def test_a_plan_that_is_not_there_is_a_usage_error_that_names_those_that_are(
    plans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _check(plans, "harbor") == 2
    assert f'"harbor" is neither a plan in {plans} (harbour) nor a folder' in capsys.readouterr().err
    assert _check(plans / "harbour") == 2
    assert "holds no plan" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "code"), [(["--version"], 0), (["show"], 2), ([], 2)])
def test_the_process_leaves_with_the_exit_code(arguments: list[str], code: int) -> None:
    assert subprocess.run([*TOCSIN, *arguments], check=False, capture_output=True).returncode == code


def test_settings_that_make_no_sense_are_a_usage_error() -> None:
    wrong = {"TOCSIN_DRILL_SPEED": "fast"}

    ended = subprocess.run([*TOCSIN, "ack", "7F3K2"], env=wrong, check=False, capture_output=True, text=True)

    assert ended.returncode == 2
    assert ended.stderr.startswith("error: TOCSIN_DRILL_SPEED:")


def test_a_reader_who_leaves_early_ends_it_quietly() -> None:
    ended = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -c "$0" completion zsh | true', TOCSIN[2]],
        check=False,
        capture_output=True,
    )
    assert ended.stderr == b""


@pytest.mark.parametrize(("value", "plain"), [("1", True), ("anything", True), ("", False)])
def test_no_color_is_honoured(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str, plain: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", value)
    monkeypatch.setattr("click._compat.isatty", lambda stream: True)
    monkeypatch.setattr(
        "click.utils.should_strip_ansi", lambda stream, color: not (True if color is None else color)
    )

    desk.types("list")

    assert ("\x1b[" not in capsys.readouterr().out) is plain
