from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.state import Meeting
from tocsin.invitations import Party, invitation, method_of

MONDAY = datetime(2026, 3, 9, 17, tzinfo=UTC)
STAMP = datetime(2026, 3, 2, 12, tzinfo=UTC)


def meeting(**changes) -> Meeting:
    usual = {"id": "post-mortem-1", "title": "Review", "starts": MONDAY, "ends": MONDAY + timedelta(hours=1)}
    return Meeting(**(usual | changes))


def written(meeting: Meeting, summary="Post-mortem review", name="Robin Castillo", details="About it") -> str:
    return invitation(
        meeting,
        uid="post-mortem-1-7F3K2ABCDE@tocsin.example.com",
        stamp=STAMP,
        organizer=Party(address="tocsin@example.com", name="AllCode"),
        attendee=Party(address="robin@example.org", name=name),
        summary=summary,
        details=details,
    )


def read(text: str) -> list[str]:
    """The content lines as a calendar unfolds them."""
    return text.replace("\r\n ", "").split("\r\n")[:-1]


def value(text: str, name: str) -> str:
    (line,) = [line for line in read(text) if line.startswith(f"{name}:")]
    return line.removeprefix(f"{name}:")


def unescaped(text: str) -> str:
    pairs = iter(text)
    return "".join(
        {"n": "\n"}.get(escaped := next(pairs), escaped) if each == "\\" else each for each in pairs
    )


def test_an_invitation_asks_for_the_time_in_utc():
    text = written(meeting())
    assert value(text, "METHOD") == "REQUEST"
    assert value(text, "DTSTART") == "20260309T170000Z"
    assert value(text, "DTEND") == "20260309T180000Z"
    assert value(text, "STATUS") == "TENTATIVE"
    assert 'ATTENDEE;ROLE=REQ-PARTICIPANT;RSVP=TRUE;CN="Robin Castillo":mailto:robin@example.org' in read(
        text
    )


def test_a_meeting_that_moves_keeps_its_name_and_counts_its_revisions():
    first, moved = written(meeting()), written(meeting(starts=MONDAY + timedelta(days=1), sequence=1))
    assert value(first, "UID") == value(moved, "UID")
    assert (value(first, "SEQUENCE"), value(moved, "SEQUENCE")) == ("0", "1")


def test_a_meeting_that_is_called_off_leaves_the_calendar():
    cancelled = meeting(status="cancelled", sequence=2)
    assert method_of(cancelled) == "CANCEL"
    assert value(written(cancelled), "METHOD") == "CANCEL"
    assert value(written(cancelled), "STATUS") == "CANCELLED"


def test_a_confirmed_meeting_is_confirmed():
    assert value(written(meeting(status="confirmed")), "STATUS") == "CONFIRMED"


def test_the_same_invitation_has_the_same_octets():
    assert written(meeting()) == written(meeting())


@pytest.mark.parametrize("name", ['Robin "Rob" Castillo', "Robin; X-EVIL=1", "Robin\r\nX-EVIL:1"])
def test_a_name_cannot_add_lines_or_parameters(name):
    (line,) = [line for line in read(written(meeting(), name=name)) if line.startswith("ATTENDEE")]
    assert line.count('"') == 2
    assert not [line for line in read(written(meeting(), name=name)) if line.startswith("X-EVIL")]


@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.sampled_from(" \n;,\\"), max_size=300
    )
)
def test_any_text_comes_back_as_it_was_and_no_line_is_too_long(text):
    words = "\n".join(text.splitlines())
    calendar = written(meeting(), details=words)
    assert unescaped(value(calendar, "DESCRIPTION")) == words
    assert all(len(line.encode()) <= 75 for line in calendar.split("\r\n"))
    assert "\n" not in calendar.replace("\r\n", "")
