"""What waits for somebody's word: looking at it, putting other words down, deciding, asking for a waiver."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from tocsin.cli import options
from tocsin.cli.errors import Failed, Refused, Usage
from tocsin.cli.looking import look
from tocsin.cli.office import Office, pass_office
from tocsin.cli.tables import table
from tocsin.cli.telling import Said, making_sense, spoken_by, tell, telling
from tocsin.cli.times import relative, short
from tocsin.domain import commands as said_as
from tocsin.domain.approvals import subject_of
from tocsin.domain.commands import Command
from tocsin.domain.proving import NotProven, approval_matter
from tocsin.domain.state import Approval
from tocsin.domain.view import IncidentView
from tocsin.settings import VARIABLES

_number = click.argument("number", type=click.IntRange(min=1), metavar="N")
_code = click.option(
    "--code", metavar="CODE", help="The code that was sent to you; else your own token, $TOCSIN_TOKEN."
)


# Looking


@click.command("approvals")
@options.reference
@click.option("-a", "--all", "everything", is_flag=True, help="Those that were decided, too.")
@options.output
@pass_office
def approvals_command(office: Office, reference: str, everything: bool) -> None:
    """List what waits for somebody's word."""
    known = _view(office, reference).approvals
    shown = [item for item in known if item.is_open or everything]
    office.emit(shown, lambda: _table(shown, office.now()))


def _table(approvals: list[Approval], now: datetime) -> str:
    rows = [
        (
            str(item.number),
            item.decision or f"due {relative(item.due, now)}",
            item.role,
            item.obligation,
            _what(item),
        )
        for item in approvals
    ]
    return table(("N", "STATE", "WHO DECIDES", "PROMISE", "WHAT"), rows, "nothing waits for a decision")


def _what(approval: Approval) -> str:
    """The matter, and what was decided by whom."""
    matter = (
        f"waiver: {approval.text}" if approval.what == "waiver" else f"words {(approval.wording or '')[:12]}"
    )
    decided = ""
    if approval.witness is not None:
        decided = f" – {short(approval.decided)} by {approval.witness.person} {approval.witness.how}"
    return f"{matter}{decided}" + (f": {approval.reason}" if approval.reason else "")


@click.command("draft")
@options.reference
@_number
@options.output
@pass_office
def draft_command(office: Office, reference: str, number: int) -> None:
    """Print the words that wait for approval.

    They are read from $TOCSIN_STATE. What is printed is Markdown: change it in a file, and give it to `tocsin reword`.
    """
    from tocsin.wordings import WordingError, WordingStore

    approval = _approval(_view(office, reference), number)
    if approval.wording is None:
        raise Failed(f"approval {number} is about a waiver, which has no words: {approval.text}")
    try:
        words = WordingStore(office.settings().state).find(approval.wording)
    except (WordingError, OSError) as error:
        raise Failed(str(error)) from error
    office.emit(
        {"sha256": approval.wording, **words.model_dump()},
        lambda: f"{click.style(words.subject, bold=True)}\n\n{words.body}",
    )


def _view(office: Office, reference: str) -> IncidentView:
    return look(office, reference, lambda incidents, found: incidents.view(found))


def _approval(view: IncidentView, number: int) -> Approval:
    for approval in view.approvals:
        if approval.number == number:
            return approval
    known = ", ".join(str(item.number) for item in view.approvals) or "none"
    raise Refused(f"there is no approval {number}; there are: {known}")


# Deciding


@click.command("approve")
@options.reference
@_number
@_code
@options.speaker
@options.output
@pass_office
def approve_command(
    office: Office, reference: str, number: int, code: str | None, speaks: str | None, id: str | None
) -> None:
    """Approve words that are to be sent, or waive a promise.

    You prove who you are by the code that was sent to you, or by your own token in $TOCSIN_TOKEN.
    """
    _decide(office, reference, number, approve=True, reason="", code=code, speaks=speaks, id=id)


@click.command("decline")
@options.reference
@_number
@click.option("--reason", required=True, metavar="REASON", help="Why not; it goes on the record.")
@_code
@options.speaker
@options.output
@pass_office
def decline_command(
    office: Office,
    reference: str,
    number: int,
    reason: str,
    code: str | None,
    speaks: str | None,
    id: str | None,
) -> None:
    """Decline what waits for your word."""
    _decide(office, reference, number, approve=False, reason=reason, code=code, speaks=speaks, id=id)


def _decide(
    office: Office,
    reference: str,
    number: int,
    *,
    approve: bool,
    reason: str,
    code: str | None,
    speaks: str | None,
    id: str | None,
) -> None:
    token = office.settings().token.get_secret_value()
    if not code and not token:
        raise Usage(
            f"prove who you are: `--code` with the code that was sent to you, or your own token in {VARIABLES['token']}"
        )
    try:
        said = spoken_by(office, speaks or ("" if code else _holder(token)), id)
        proof = code or _sealed(token, _view(office, reference), number)
    except NotProven as error:
        raise Usage(f"{VARIABLES['token']}: {error}") from error
    with making_sense():
        command = said_as.Decide(**said, approval=number, approve=approve, reason=reason, proof=proof)
    tell(office, reference, command)


def _holder(token: str) -> str:
    from tocsin.proofs import holder_of

    return holder_of(token)


def _sealed(token: str, view: IncidentView, number: int) -> str:
    """The token's seal on this decision, about the words as they are now: the token itself goes nowhere."""
    from tocsin.proofs import seal

    subject = subject_of(_approval(view, number))
    return seal(token, approval_matter(view.plan, view.id, number, subject))


# Asking for something else


@telling("waive")
@click.argument("obligation", metavar="PROMISE")
@click.argument("reason")
def waive_command(said: Said, obligation: str, reason: str) -> Command:
    """Ask that a promise be waived.

    PROMISE is its name on the ledger. Whoever the plan names for it has to approve, before it is due.
    """
    return said_as.AskForWaiver(**said, obligation=obligation, reason=reason)


@telling("reword")
@_number
@click.option(
    "--file", "file", required=True, metavar="FILE", help="The new words, in Markdown; - reads them."
)
def reword_command(said: Said, number: int, file: str) -> Command:
    """Put other words in the place of those that wait for approval.

    They are asked about anew: links and codes for the old words no longer count.
    """
    return said_as.Reword(**said, approval=number, text=_words_in(file))


def _words_in(file: str) -> str:
    try:
        with click.open_file(file, encoding="utf-8") as words:
            return str(words.read())
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"{file} cannot be read as text: {error}") from error


@telling("interval")
@click.argument("obligation", metavar="PROMISE")
@click.argument("every", type=options.duration, metavar="PT2H")
@click.argument("reason")
def interval_command(said: Said, obligation: str, every: timedelta, reason: str) -> Command:
    """Agree on another interval for a recurring promise.

    PROMISE is its name in the plan. The new interval counts from the next one on.
    """
    return said_as.SetInterval(**said, obligation=obligation, every=every, reason=reason)
