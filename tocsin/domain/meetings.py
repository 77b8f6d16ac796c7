"""Meetings: proposed at an hour that suits everybody, moved, confirmed, held, called off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import takewhile

from tocsin.domain import commands as said
from tocsin.domain import notices
from tocsin.domain.calendar import BusinessCalendar, PersonalHours
from tocsin.domain.case import Case, Draft
from tocsin.domain.commands import CommandRefused
from tocsin.domain.duties import MeetingDuty
from tocsin.domain.events import Recipient
from tocsin.domain.state import Attendee, Meeting, Obligation, Target
from tocsin.domain.verdicts import take_back
from tocsin.domain.words import Status, Verdict

LEAD = timedelta(minutes=30)
"""How long before it begins somebody is invited, at least."""

HALF_AN_HOUR = timedelta(minutes=30)

Span = tuple[datetime, datetime]
"""From when to when, in UTC; the end is not within it."""

_ON = frozenset({"proposed", "confirmed"})
"""The states of a meeting that is still to come."""


# Proposing


def call(draft: Draft, obligation: Obligation, duty: MeetingDuty, index: int) -> None:
    """Put a meeting on the record and look for those who belong to it; its hour is found once they are known."""
    earliest = _earliest(draft)
    meeting = Meeting(
        id=f"{obligation.key}-{len(draft.state.meetings) + 1}",
        title=duty.meeting,
        obligation=obligation.key,
        starts=earliest,
        ends=earliest + duty.length,
        agenda=duty.agenda,
    )
    draft.state.meetings[meeting.id] = meeting
    for audience in duty.audiences:
        notices.find_recipients(draft, audience, obligation.key, index)


def of(draft: Draft, obligation: Obligation) -> Meeting:
    """The newest meeting of a promise."""
    return [item for item in draft.state.meetings.values() if item.obligation == obligation.key][-1]


def join(meeting: Meeting, target: Target, recipient: Recipient) -> None:
    """Somebody belongs to the meeting."""
    meeting.attendees += (Attendee(target=target, hours=recipient.hours),)


def propose(draft: Draft, obligation: Obligation, meeting: Meeting) -> Iterator[str]:
    """Find the hour and invite everybody; the ids of the invitations."""
    length = meeting.ends - meeting.starts
    starts, suits = _hour(draft, obligation, meeting)
    meeting.starts, meeting.ends = starts, starts + length
    doubt = "" if suits else "; no hour within the window suits everybody"
    draft.record("meeting", f"{meeting.title} proposed for {starts:%Y-%m-%d %H:%M} UTC ({meeting.id}){doubt}")
    for attendee in meeting.attendees:
        yield _invite(draft, meeting, attendee.target)


def _hour(draft: Draft, obligation: Obligation, meeting: Meeting) -> tuple[datetime, bool]:
    """When the meeting begins, and whether that suits everybody.

    It is the opening of the last span of shared working time that lies wholly inside the window, on the real calendar:
    people need notice, and the report should be out by then. The window is the policy's own, not a drill's:
    invitations go into real calendars.
    """
    terms = draft.plan.obligation(obligation.spec).terms_for(draft.state.severity)
    assert terms.within is not None
    until = max(draft.calendar.due(obligation.anchored, terms.within), obligation.due)
    length = meeting.ends - meeting.starts
    earliest = _earliest(draft)
    ours = takewhile(lambda span: span[1] <= until, draft.calendar.working_windows(earliest))
    office = [span for span in _without(list(ours), _taken(draft, meeting)) if span[1] - span[0] >= length]
    hours = [attendee.hours for attendee in meeting.attendees if attendee.hours is not None]
    shared = [span for span in shared_spans(office, hours) if span[1] - span[0] >= length]
    if shared:
        return shared[-1][0], True
    return (office[-1][0] if office else earliest), not hours


def _earliest(draft: Draft) -> datetime:
    """The next half hour of working time for which an invitation comes early enough."""
    soonest = draft.now + LEAD
    past = (soonest - soonest.replace(minute=0, second=0, microsecond=0)) % HALF_AN_HOUR
    return draft.calendar.next_working_moment(soonest + (HALF_AN_HOUR - past if past else past))


def _taken(draft: Draft, meeting: Meeting) -> list[Span]:
    """When others of the incident's meetings are: mostly the same people belong to them."""
    others = (each for each in draft.state.meetings.values() if each is not meeting and each.attendees)
    return [(each.starts, each.ends) for each in others if each.status in _ON]


def _without(spans: list[Span], taken: list[Span]) -> list[Span]:
    for begins, ends in taken:
        parts = [
            part
            for span in spans
            for part in ((span[0], min(span[1], begins)), (max(span[0], ends), span[1]))
        ]
        spans = [(opens, closes) for opens, closes in parts if opens < closes]
    return spans


def shared_spans(office: Iterable[Span], everybody: Iterable[PersonalHours]) -> list[Span]:
    """The parts of the office's spans in which everybody works."""
    shared = list(office)
    for hours in everybody:
        shared = [part for span in shared for part in _within(span, hours)]
    return shared


def _within(span: Span, hours: PersonalHours) -> Iterator[Span]:
    begins, ends = span
    theirs = BusinessCalendar(
        timezone=hours.timezone,
        week=hours.week,
        hours=hours.hours,
        pinned_from=begins.date(),
        pinned_until=ends.date(),
    )
    for opens, closes in theirs.working_windows(begins):
        if opens >= ends:
            return
        yield max(opens, begins), min(closes, ends)


def _invite(draft: Draft, meeting: Meeting, target: Target) -> str:
    return notices.tell(
        draft,
        target,
        ("email",),
        "invitation",
        "invitation",
        meeting.obligation,
        meeting.title,
        meeting.id,
    ).id


# What becomes of it


def change(draft: Draft, command: said.ChangeMeeting) -> None:
    """Move, confirm, hold or cancel a meeting; one that was cancelled may be moved. Raises `CommandRefused`."""
    meeting = draft.state.meetings.get(command.meeting)
    if meeting is None:
        known = ", ".join(draft.state.meetings) or "none"
        raise CommandRefused(f'there is no meeting "{command.meeting}"; there are {known}')
    if meeting.status == "held" or (meeting.status == "cancelled" and command.action != "move"):
        raise CommandRefused(f"meeting {meeting.id} was already {meeting.status}")
    _CHANGES[command.action](draft, meeting, command)
    meeting.by = command.actor
    outcome = f": {command.outcome}" if command.outcome else ""
    when = f" for {meeting.starts:%Y-%m-%d %H:%M} UTC" if command.action == "move" else ""
    draft.record("meeting", f"{meeting.title} ({meeting.id}) {meeting.status}{when}{outcome}", command.actor)


def _move(draft: Draft, meeting: Meeting, command: said.ChangeMeeting) -> None:
    if command.at is None or command.at <= draft.now:
        raise CommandRefused("say when, in the future")
    meeting.starts, meeting.ends = command.at, command.at + (meeting.ends - meeting.starts)
    meeting.status, meeting.confirmed = "proposed", None
    _revise(draft, meeting)


def _cancel(draft: Draft, meeting: Meeting, command: said.ChangeMeeting) -> None:
    meeting.status, meeting.confirmed = "cancelled", None
    meeting.outcome = command.outcome or meeting.outcome
    _revise(draft, meeting)
    _owe_again(draft, meeting)


def _owe_again(draft: Draft, meeting: Meeting) -> None:
    """A promise that was kept by calling this meeting is not kept any more."""
    obligation = draft.state.obligations.get(meeting.obligation or "")
    if obligation is None or obligation.verdict not in {Verdict.MET, Verdict.LATE}:
        return
    for state in obligation.duties:
        if state.kind == "meeting":
            state.done = None
    take_back(draft, obligation, f"{meeting.title} was cancelled")


def call_off_what_is_moot(draft: Draft) -> None:
    """A meeting that has lost its object is taken out of the calendars again."""
    for meeting in draft.state.meetings.values():
        if meeting.status in _ON and meeting.starts > draft.now and (why := _why_moot(draft, meeting)):
            meeting.status, meeting.confirmed = "cancelled", None
            _revise(draft, meeting)
            draft.record("meeting", f"{meeting.title} ({meeting.id}) cancelled: {why}")


def _why_moot(case: Case, meeting: Meeting) -> str | None:
    if case.state.status is Status.DISMISSED:
        return "dismissed as a false alarm"
    if meeting.obligation is None:
        return None
    promise = case.state.obligations.get(meeting.obligation)
    if promise is None:
        return "it is not owed any more"
    return promise.reason if promise.verdict is Verdict.NOT_APPLICABLE else None


def _confirm(draft: Draft, meeting: Meeting, command: said.ChangeMeeting) -> None:
    meeting.status, meeting.confirmed = "confirmed", draft.now
    meeting.outcome = command.outcome or meeting.outcome


def _hold(draft: Draft, meeting: Meeting, command: said.ChangeMeeting) -> None:
    if meeting.agenda and not command.outcome:
        raise CommandRefused(f"say what came of {meeting.title}: its agenda was {'; '.join(meeting.agenda)}")
    meeting.status, meeting.held = "held", draft.now
    meeting.confirmed = meeting.confirmed or draft.now
    meeting.outcome = command.outcome or meeting.outcome


_CHANGES = {"move": _move, "cancel": _cancel, "confirm": _confirm, "hold": _hold}


def _revise(draft: Draft, meeting: Meeting) -> None:
    """Everybody who was invited gets the next revision of the same invitation."""
    meeting.sequence += 1
    for target in sorted({attendee.target for attendee in meeting.attendees}, key=str):
        _invite(draft, meeting, target)
