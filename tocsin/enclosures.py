"""What goes along with an email: a report on paper, an invitation for a calendar."""

from __future__ import annotations

import base64
import logging

from tocsin.domain.channel import Attachment
from tocsin.domain.messages import Dispatch, Rendered
from tocsin.domain.state import Meeting
from tocsin.invitations import Party, invitation
from tocsin.pdf import NotPrintable, Paper, to_pdf

_log = logging.getLogger(__name__)


def report_on(paper: Paper, name: str) -> Rendered[tuple[Attachment, ...]]:
    """The paper as a PDF of this name; nothing, and a note that says so, when it can't be made."""
    try:
        content = to_pdf(paper)
    except NotPrintable as error:
        _log.error("no PDF of %s: %s", name, error)
        return Rendered((), f"without its PDF: {error}")
    return Rendered((_attachment(f"{name}.pdf", "application/pdf", content),))


def invitation_to(
    meeting: Meeting, dispatch: Dispatch, organizer: Party, attendee: Party, host: str
) -> Attachment:
    """The meeting as an iCalendar file; `host` makes its id ours."""
    drill = "[DRILL] " if dispatch.is_drill else ""
    content = invitation(
        meeting,
        uid=f"{meeting.id}-{dispatch.incident}@{host}",
        stamp=dispatch.created,
        organizer=organizer,
        attendee=attendee,
        summary=f"{drill}[{dispatch.reference}] {meeting.title}",
        details=f"About incident {dispatch.reference}: {dispatch.title}",
    )
    # SendGrid refuses parameters in a media type; the method stands in the content itself.
    return _attachment("invite.ics", "text/calendar", content.encode())


def _attachment(name: str, media_type: str, content: bytes) -> Attachment:
    return Attachment(filename=name, media_type=media_type, content=base64.b64encode(content).decode())
