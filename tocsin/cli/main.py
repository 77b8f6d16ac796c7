"""The command `tocsin`: its subcommands by name, each imported when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from tocsin.cli.errors import CliError
from tocsin.cli.office import Office, OutputFormat, complain

_SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Looking": {
        "list": ("looking", "List incidents, the most urgent first."),
        "show": ("looking", "Show where an incident stands and what can be done next."),
        "watch": ("looking", "Show an incident again whenever it changes, until it ends."),
        "timeline": ("looking", "Tell what happened, oldest first."),
        "ledger": ("looking", "List every promise with its clause, due time and verdict."),
        "messages": ("messages", "List every message and how far it has come."),
        "queues": ("queues", "Tell what waits to be sent, and what is held back."),
        "oncall": ("oncall", "Show who is on call, until when, and who follows."),
    },
    "Acting": {
        "declare": ("declaring", "Start an incident from a person's report."),
        "ack": ("acting", "Answer a page: somebody is on it."),
        "handover": ("acting", "Pass a page on to whoever is next, or to somebody by name."),
        "note": ("acting", "Put a line on the timeline."),
        "update": ("acting", "Say where things stand, for the next notices and reports."),
        "step": ("acting", "Record a step as done, or skip it with a reason."),
        "mitigation": ("mitigating", "Record a measure as found, tested or deployed."),
        "task": ("tasks", "List tasks, add one, or report one as done."),
        "assign": ("acting", "Give a role to a person for this incident."),
        "page": ("acting", "Page a role or a person until they acknowledge."),
        "classify": ("acting", "Set the severity, by name or by the plan's criteria, and whom it hits."),
        "vendor": ("acting", "Say that a supplier is down, or up again."),
        "estimate": ("acting", "Say how long it is expected to last."),
        "fact": ("acting", "Record a fact, or when something happened."),
        "merge": ("merging", "Go on with the work in another incident; both keep their promises."),
        "resolve": ("ending", "The incident is over."),
        "unresolvable": ("ending", "It cannot be resolved in time; propose a date."),
        "dismiss": ("ending", "It was a false alarm."),
        "reopen": ("ending", "It was resolved too early."),
        "close": ("ending", "Nothing more is owed."),
    },
    "Approvals": {
        "approvals": ("approving", "List what waits for somebody's word."),
        "draft": ("approving", "Print the words that wait for approval."),
        "reword": ("approving", "Put other words in the place of those that wait for approval."),
        "approve": ("approving", "Approve words that are to be sent, or waive a promise."),
        "decline": ("approving", "Decline what waits for your word."),
        "waive": ("approving", "Ask that a promise be waived."),
        "interval": ("approving", "Agree on another interval for a recurring promise."),
    },
    "Papers": {
        "report": ("papers", "Print a report as it stands, or send it now."),
        "postmortem": ("papers", "Show the meetings; move, confirm, hold or cancel one."),
        "broadcast": ("broadcasts", "Write to everybody on a list, and see how far that has come."),
    },
    "Records": {
        "evidence": ("evidence", "Preserve files as evidence, list them, bring one back."),
        "verify": ("verifying", "Check that a record is as it was written."),
        "metrics": ("metrics", "Tell how well incidents were responded to."),
        "export": ("verifying", "Copy a record for somebody else, as a folder or a ZIP file."),
    },
    "Plans": {
        "plan": ("plans", "Check plans, have them acknowledged, see what reviews said."),
        "rehearse": ("rehearsing", "Play a scenario with skipped time, and show what happens."),
        "ingest": ("ingesting", "Try what monitors send, and check how it is read."),
    },
    "Keys": {
        "keys": ("keys", "Make keys for encryption, and list those in use."),
        "token": ("tokens", "Issue, list and revoke personal tokens."),
    },
    "This shell": {
        "completion": ("completion", "Print the script that completes commands in a shell."),
    },
}
"""Every subcommand by section: the module that has it, and its line in the help, which costs no import this way."""

INTERRUPTED = 130
"""What shells say of a process that Ctrl-C ended: 128 + SIGINT."""

_EPILOG = """\b
REF is any unambiguous beginning of an incident's id, such as 7F3K2.
Times are UTC unless they carry an offset: now, now-PT20M, "2026-03-01 14:05", 2026-03-01T14:05+01:00.
A command says whether it was accepted, refused, or queued (no worker answered; it is kept).
\b
Exit codes: 0 done or queued · 1 refused, closed or failed · 2 usage, or REF is ambiguous ·
3 no such incident · 69 Temporal or its workers do not answer · 130 interrupted
"""


_KNOWN = {name: each for commands in _SECTIONS.values() for name, each in commands.items()}


class LazyGroup(click.Group):
    """A group that lists its subcommands without importing them; `commands` holds what stands in for them."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand of this name, imported now."""
        if cmd_name not in _KNOWN:
            return None
        module, _ = _KNOWN[cmd_name]
        command = getattr(import_module(f"tocsin.cli.{module}"), f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order of the help."""
        return list(_KNOWN)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections of the help."""
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, line) for name, (_, line) in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a subcommand's name."""
        named = [(name, line) for name, (_, line) in _KNOWN.items() if name.startswith(incomplete)]
        return [CompletionItem(name, help=line) for name, line in named]


class _Switch(click.Option):
    """A flag that its variable sets whatever the value, as https://no-color.org wants it."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        return "yes" if super().resolve_envvar_value(ctx) else None


@click.group(
    cls=LazyGroup,
    commands={name: click.Command(name, short_help=line) for name, (_, line) in _KNOWN.items()},
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--no-color",
    cls=_Switch,
    is_flag=True,
    envvar="NO_COLOR",
    help="Print without colours (also when $NO_COLOR is set).",
)
@click.version_option(package_name="tocsin", message="%(package)s %(version)s")
@click.pass_context
def tocsin(context: click.Context, no_color: bool) -> None:
    """Look at incidents, and tell them what was done."""
    context.ensure_object(Office)
    if no_color:
        context.color = False


def run(arguments: Sequence[str], office: Office | None = None) -> int:
    """Run one command line; return the exit code."""
    office = office or Office()
    try:
        tocsin.main(list(arguments), prog_name="tocsin", obj=office, standalone_mode=False)
    except (CliError, click.ClickException) as error:
        return complain(error, _output_asked_for(arguments, office))
    except click.Abort:
        return INTERRUPTED
    return 0


def _output_asked_for(arguments: Sequence[str], office: Office) -> OutputFormat:
    """The form of the output; from the bare arguments where a mistake kept click from reading the option."""
    written = " ".join(arguments).replace("=", " ")
    asked = any(option in written for option in ("-o json", "-ojson", "--output json"))
    return "json" if asked else office.output


def entry() -> NoReturn:
    """Run `tocsin` and leave at once: a process that used Temporal's SDK may crash in an orderly exit."""
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        code = 141  # whoever read our output has left, as `head` does
    sys.stderr.flush()
    os._exit(code)
