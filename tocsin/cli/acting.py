"""What responders say while an incident goes on."""

from __future__ import annotations

import re

import click

from tocsin.cli import options
from tocsin.cli.errors import Usage
from tocsin.cli.office import Office, pass_office
from tocsin.cli.telling import Said, making_sense, spoken_by, tell, telling
from tocsin.domain import commands as said_as
from tocsin.domain.commands import Command
from tocsin.domain.words import Anchor

_PAGE_CODE = re.compile(r"(?P<incident>[^-]+)-(?P<page>\d+)")


@click.command("ack")
@options.reference
@click.option(
    "--page", type=click.IntRange(min=1), metavar="N", help="Only this page; else all that are open."
)
@options.speaker
@options.output
@pass_office
def ack_command(office: Office, reference: str, page: int | None, speaks: str | None, id: str | None) -> None:
    """Answer a page: somebody is on it.

    REF may be the code of a page as it was sent, such as 7F3K2-2.
    """
    reference, page = _page_in(reference, page)
    said = spoken_by(office, speaks, id)
    with making_sense():
        command = said_as.Acknowledge(**said, page=page)
    tell(office, reference, command)


@click.command("handover")
@options.reference
@click.option("--page", type=click.IntRange(min=1), metavar="N", help="Which page, where REF is no code.")
@click.option("--to", "person", metavar="PERSON", help="Ask this person.")
@click.option("--to-role", "role", metavar="ROLE", help="Ask whoever holds this role.")
@click.option("--why", default="", metavar="TEXT", help="Why it is passed on.")
@options.speaker
@options.output
@pass_office
def handover_command(
    office: Office,
    reference: str,
    page: int | None,
    person: str | None,
    role: str | None,
    why: str,
    speaks: str | None,
    id: str | None,
) -> None:
    """Pass a page on to whoever is next, or to somebody by name.

    REF is the code of a page as it was sent, such as 7F3K2-2. One that nobody has acknowledged yet goes at once to
    whoever is next; one that you have acknowledged needs --to or --to-role, and stays yours until they acknowledge.
    """
    reference, page = _page_in(reference, page)
    if page is None:
        raise Usage(f"say which page, by its code such as {reference}-2, or with --page N")
    if person and role:
        raise Usage("say to whom: either --to PERSON or --to-role ROLE")
    said = spoken_by(office, speaks, id)
    with making_sense():
        command = said_as.HandOver(**said, page=page, person=person, role=role, reason=why)
    tell(office, reference, command)


def _page_in(reference: str, page: int | None) -> tuple[str, int | None]:
    """The incident and the page that a code, or a reference with an option, stand for."""
    if code := _PAGE_CODE.fullmatch(reference):
        return code["incident"], _one_page(int(code["page"]), page)
    return reference, page


def _one_page(in_code: int, in_option: int | None) -> int:
    if in_option not in {None, in_code}:
        raise Usage(f"the code names page {in_code}, and --page says {in_option}; leave one of them out")
    return in_code


@telling("note")
@click.argument("text")
def note_command(said: Said, text: str) -> Command:
    """Put a line on the timeline."""
    return said_as.AddNote(**said, text=text)


@telling("update")
@click.argument("text")
def update_command(said: Said, text: str) -> Command:
    """Say where things stand, for the next notices and reports."""
    return said_as.GiveUpdate(**said, text=text)


@telling("step")
@click.argument("step")
@click.option("--skip", is_flag=True, help="It is not done, and will not be; needs --why.")
@click.option(
    "--why", default="", metavar="REASON", help="Why it is skipped, or a remark on how it was done."
)
def step_command(said: Said, step: str, skip: bool, why: str) -> Command:
    """Record a step as done, or skip it with a reason."""
    if skip and not why:
        raise Usage(f"say why step {step} is skipped: --why REASON")
    return said_as.FinishStep(**said, step=step, skip=skip, reason=why)


@telling("assign")
@click.argument("role")
@click.argument("person")
def assign_command(said: Said, role: str, person: str) -> Command:
    """Give a role to a person for this incident."""
    return said_as.AssignRole(**said, role=role, person=person)


@telling("page")
@click.argument("reason")
@click.option("--role", metavar="ROLE", help="Whoever holds this role.")
@click.option("--person", metavar="PERSON", help="This person.")
def page_command(said: Said, reason: str, role: str | None, person: str | None) -> Command:
    """Page a role or a person until they acknowledge."""
    if (role is None) == (person is None):
        raise Usage("say whom to page: either --role ROLE or --person PERSON")
    return said_as.PageSomebody(**said, role=role, person=person, reason=reason)


@telling("classify")
@click.argument("severity", required=False)
@click.option(
    "--criterion", "criteria", multiple=True, metavar="NAME", help="What is true of it; repeat for more."
)
@click.option(
    "--impact", "impacts", multiple=True, metavar="NAME", help="Whom or what it hits; repeat for more."
)
@click.option("--why", default="", metavar="REASON", help="What the decision rests on.")
@click.option("--loosen", is_flag=True, help="Let later deadlines replace promises that were already made.")
def classify_command(
    said: Said,
    severity: str | None,
    criteria: tuple[str, ...],
    impacts: tuple[str, ...],
    why: str,
    loosen: bool,
) -> Command:
    """Set the severity, by name or by the plan's criteria, and whom it hits."""
    if (severity and criteria) or not (severity or criteria or impacts):
        raise Usage(
            "say either SEVERITY or --criterion NAME (the plan then says the severity), or only --impact NAME"
        )
    if loosen and not why:
        raise Usage("say why later deadlines may replace what was promised: --why REASON")
    return said_as.Classify(
        **said, severity=severity, criteria=criteria, impacts=impacts, reason=why, loosen=loosen
    )


@telling("vendor")
@click.argument("name")
@click.argument("state", type=click.Choice(["down", "up"]), metavar="down|up")
@click.option("--reason", "--why", default="", metavar="REASON", help="How you know.")
def vendor_command(said: Said, name: str, state: str, reason: str) -> Command:
    """Say that a supplier is down, or up again.

    NAME is one of the plan's vendors. While it is down, the channels that ride on it are not used, and its feed is
    watched.
    """
    return said_as.NameVendor(**said, vendor=name, is_down=state == "down", reason=reason)


@telling("estimate")
@click.argument("choice")
def estimate_command(said: Said, choice: str) -> Command:
    """Say how long it is expected to last.

    CHOICE is one of the plan's answers; `tocsin show` names them.
    """
    return said_as.GiveEstimate(**said, choice=choice)


@telling("fact")
@click.argument("name")
@click.argument("value")
@click.option("--why", default="", metavar="REASON", help="Why a time is corrected.")
def fact_command(said: Said, name: str, value: str, why: str) -> Command:
    """Record a fact, or when something happened.

    NAME is a fact of the plan, or one of the events from which clocks run (occurred, detected, vendor_patch, …); then
    VALUE is a time: now, "2026-03-01 14:05" (UTC), or ISO 8601 with an offset.
    """
    if name in set(Anchor):
        return said_as.SetAnchor(**said, anchor=name, at=options.moment(value), reason=why)
    return said_as.StateFact(**said, name=name, value=value)
