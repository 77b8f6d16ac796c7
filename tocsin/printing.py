"""Reports and letters as they are printed: what stands on the paper around the words."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from tocsin.domain.directory import Contact
from tocsin.domain.messages import Dispatch
from tocsin.domain.plan import Plan
from tocsin.pdf import Paper
from tocsin.picture import draw, told


def paper_of(dispatch: Dispatch, plan: Plan, title: str, body: str, intended: str) -> Paper:
    """The dispatch on paper: `body` is its Markdown, `intended` who would get it if it were no drill."""
    zone = ZoneInfo(plan.calendar.timezone)
    phase = f"phase {dispatch.phase}" if dispatch.phase else ""
    return Paper(
        title=title,
        organisation=plan.organisation,
        reference=dispatch.reference,
        at=(dispatch.report.at if dispatch.report else dispatch.created).astimezone(zone),
        body=body,
        facts=" · ".join(filter(None, [dispatch.severity, dispatch.status, phase])),
        foot=f"{plan.title} · {dispatch.title}",
        drill=_drill(dispatch, intended),
        picture=drawn(dispatch, plan),
        told=told(dispatch.picture, zone) if dispatch.picture else "",
    )


def as_letter(paper: Paper, contact: Contact) -> Paper:
    """The same as a letter: with an address, a date, and nothing of what only we count."""
    day = paper.at
    lines = tuple(dict.fromkeys([contact.name, *contact.postal]))
    return paper.model_copy(update={"address": lines, "dateline": f"{day.day} {day:%B %Y}", "facts": ""})


def drawn(dispatch: Dispatch, plan: Plan) -> str:
    """The picture that goes with the dispatch, as SVG; empty when none does."""
    return draw(dispatch.picture, ZoneInfo(plan.calendar.timezone)) if dispatch.picture else ""


def _drill(dispatch: Dispatch, intended: str) -> str:
    if not dispatch.is_drill:
        return ""
    earnest = f"; in earnest this would go to: {intended}" if dispatch.is_for_outsiders else ""
    return f"This is a drill. Nothing has happened{earnest}."
