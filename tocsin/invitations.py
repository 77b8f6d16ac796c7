"""Meetings as calendars read them: iCalendar (RFC 5545) scheduling messages (RFC 5546).

A meeting keeps its UID for life; a later SEQUENCE moves it, and the method CANCEL takes it out of the calendar again.
"""

from __future__ import annotations

from datetime import datetime

from tocsin.domain.base import Value
from tocsin.domain.state import Meeting

_LINE_OCTETS = 75
_STATUS = {"proposed": "TENTATIVE", "confirmed": "CONFIRMED", "held": "CONFIRMED", "cancelled": "CANCELLED"}


class Party(Value):
    """Somebody in a scheduling message: an email address and a name."""

    address: str
    name: str = ""


def method_of(meeting: Meeting) -> str:
    """What the message asks of a calendar: `REQUEST`, or `CANCEL` once the meeting is called off."""
    return "CANCEL" if meeting.status == "cancelled" else "REQUEST"


def invitation(
    meeting: Meeting, uid: str, stamp: datetime, organizer: Party, attendee: Party, summary: str, details: str
) -> str:
    """The meeting for one attendee's calendar, times in UTC. The same arguments give the same octets."""
    lines = (
        "BEGIN:VCALENDAR",
        "PRODID:-//Tocsin//Incident meetings//EN",
        "VERSION:2.0",
        f"METHOD:{method_of(meeting)}",
        "BEGIN:VEVENT",
        f"UID:{_text(uid)}",
        f"SEQUENCE:{meeting.sequence}",
        f"DTSTAMP:{_utc(stamp)}",
        f"DTSTART:{_utc(meeting.starts)}",
        f"DTEND:{_utc(meeting.ends)}",
        f"SUMMARY:{_text(summary)}",
        f"DESCRIPTION:{_text(details)}",
        f"STATUS:{_STATUS[meeting.status]}",
        f"ORGANIZER{_name(organizer)}:mailto:{organizer.address}",
        f"ATTENDEE;ROLE=REQ-PARTICIPANT;RSVP=TRUE{_name(attendee)}:mailto:{attendee.address}",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return "".join(_folded(line) + "\r\n" for line in lines)


def _utc(moment: datetime) -> str:
    """Moments of the record are in UTC already; RFC 5545, 3.3.5, form 2."""
    return f"{moment:%Y%m%dT%H%M%SZ}"


def _text(value: str) -> str:
    """RFC 5545, 3.3.11: backslash, semicolon, comma and line ends are escaped; other controls are not allowed."""
    lines = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").splitlines()
    return "\\n".join("".join(each for each in line if each.isprintable()) for line in lines)


def _name(party: Party) -> str:
    """RFC 5545, 3.2: a quoted parameter takes everything but quotes and controls."""
    name = "".join(each for each in party.name if each.isprintable() and each != '"')
    return f';CN="{name}"' if name else ""


def _folded(line: str) -> str:
    """RFC 5545, 3.1: lines of at most 75 octets, no character divided, continued after a space."""
    folded, filled = "", 0
    for character in line:
        octets = len(character.encode())
        if filled + octets > _LINE_OCTETS:
            folded, filled = f"{folded}\r\n ", 1
        folded, filled = folded + character, filled + octets
    return folded
