"""An incident's papers: its reports, and the meetings about it."""

from __future__ import annotations

import textwrap
from datetime import datetime
from typing import Any, Literal

import click

from tocsin.cli import options, tables
from tocsin.cli.errors import Ambiguous, Failed, Usage
from tocsin.cli.incidents import Execution, Incidents
from tocsin.cli.looking import look
from tocsin.cli.office import Office, pass_office
from tocsin.cli.printing import Files, dispatch_of, file_options, write
from tocsin.cli.telling import making_sense, spoken_by, tell
from tocsin.cli.times import absolute
from tocsin.domain.commands import ChangeMeeting, SendReport
from tocsin.domain.messages import Dispatch
from tocsin.domain.reports import Line, Report
from tocsin.domain.state import Meeting

Action = Literal["move", "confirm", "hold", "cancel"]


@click.command("report")
@options.reference
@click.argument("kind")
@click.option(
    "--send", "sends", is_flag=True, help="Send it now to those whom it is owed, rather than at its time."
)
@file_options
@options.speaker
@options.output
@pass_office
def report_command(
    office: Office,
    /,
    reference: str,
    kind: str,
    sends: bool,
    speaks: str | None,
    id: str | None,
    **files: Any,
) -> None:
    """Print a report as it stands, or send it now.

    KIND is one of the plan's reports, such as interim or final. What is not yet known is marked, with who owes it.
    With --pdf, --html or --svg it is written into files, on this machine, and sent to nobody.
    """
    wanted = Files(**files)
    if wanted.are_wanted and sends:
        raise Usage("either send the report, or write it into files")
    if sends:
        said = spoken_by(office, speaks, id)
        with making_sense():
            command = SendReport(**said, report=kind)
        return tell(office, reference, command)
    if wanted.are_wanted:
        return _write(office, reference, kind, wanted)
    report = look(office, reference, lambda incidents, found: _report(incidents, found, kind))
    office.emit(report, lambda: _in_words(report))


def _write(office: Office, reference: str, kind: str, wanted: Files) -> None:
    async def ask(incidents: Incidents, found: Execution) -> Dispatch:
        return await dispatch_of(incidents, found, await _report(incidents, found, kind))

    written = write(office.settings(), look(office, reference, ask), wanted)
    office.emit({"files": written}, lambda: "\n".join(f"wrote {path}" for path in written))


async def _report(incidents: Incidents, found: Execution, kind: str) -> Report:
    try:
        return await incidents.report(found, kind)
    except Failed as failure:
        raise Failed(
            f'no report "{kind}" could be made ({failure}); the plan has to name it under `reports`',
            report=kind,
        ) from failure


def _in_words(report: Report) -> str:
    parts = [f"{click.style(report.title, bold=True)}\nas it stands at {absolute(report.at)}"]
    parts += [f"{click.style(line.heading, bold=True)}\n{_text_of(line)}" for line in report.lines]
    if report.gaps:
        parts.append(f"{len(report.gaps)} of {len(report.lines)} are not yet known.")
    return "\n\n".join(parts)


def _text_of(line: Line) -> str:
    return click.style(textwrap.indent(line.text, "  "), fg="yellow" if line.owed_by else None)


@click.command("postmortem")
@options.reference
@click.option("--meeting", metavar="ID", help="Which meeting, where there are several.")
@click.option("--move", type=options.moment, metavar="TIME", help="Hold it at another time.")
@click.option("--confirm", is_flag=True, help="It will be held as proposed.")
@click.option("--held", metavar="OUTCOME", help="It was held; say what came of it.")
@click.option("--cancel", is_flag=True, help="It will not be held.")
@options.speaker
@options.output
@pass_office
def postmortem_command(
    office: Office,
    reference: str,
    meeting: str | None,
    move: datetime | None,
    confirm: bool,
    held: str | None,
    cancel: bool,
    speaks: str | None,
    id: str | None,
) -> None:
    """Show the meetings; move, confirm, hold or cancel one."""
    action = _action(move=move, confirm=confirm, hold=held, cancel=cancel)
    if action is None:
        meetings = _meetings(office, reference)
        return office.emit(meetings, lambda: tables.meetings(meetings, office.now()))
    said = spoken_by(office, speaks, id)
    meeting = meeting or _the_meeting(_meetings(office, reference))
    with making_sense():
        command = ChangeMeeting(**said, meeting=meeting, action=action, at=move, outcome=held or "")
    tell(office, reference, command)


def _action(**given: object) -> Action | None:
    actions: tuple[Action, ...] = ("move", "confirm", "hold", "cancel")
    chosen = [action for action in actions if given[action]]
    if len(chosen) > 1:
        raise Usage("say one of --move, --confirm, --held and --cancel")
    return chosen[0] if chosen else None


def _meetings(office: Office, reference: str) -> tuple[Meeting, ...]:
    return look(office, reference, lambda incidents, found: incidents.view(found)).meetings


def _the_meeting(meetings: tuple[Meeting, ...]) -> str:
    """The one that can still be changed. Raises `Ambiguous` or `Usage`."""
    ahead = [meeting for meeting in meetings if meeting.status in {"proposed", "confirmed"}]
    if not ahead:
        raise Usage("there is no meeting that could still be changed")
    if len(ahead) > 1:
        names = ", ".join(f"{meeting.id} ({meeting.title})" for meeting in ahead)
        raise Ambiguous(f"say which meeting with --meeting ID: {names}", meetings=[each.id for each in ahead])
    return ahead[0].id
