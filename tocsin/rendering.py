"""The words that go out: a plan's templates filled with what a message carries.

For each message the first of these is taken, from the plan's own `templates/` folder before the shared one:

    {template}.{kind}.j2     the message or report that the plan names: `interim.md.j2`
    {purpose}.{kind}.j2      page, notice, report, invitation, reminder, refusal
    message.{kind}.j2        whatever has no words of its own

`kind` is `md` (an email's body, in Markdown), `sms` or `voice`. `frame.html.j2` and `frame.txt.j2` are put around every
email. A template that fails costs its message the form and never the essentials: plain words go out in its place.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parseaddr
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tocsin.callbacks import key_url, status_url
from tocsin.domain.channel import Attachment, Call, Email, Sms
from tocsin.domain.directory import Contact, Customer
from tocsin.domain.messages import Dispatch
from tocsin.domain.plan import Plan
from tocsin.domain.sms_text import shorten, sms_segments
from tocsin.domain.state import Meeting
from tocsin.invitations import Party, invitation
from tocsin.library import PlanLibrary
from tocsin.markdown import escape, to_html
from tocsin.templating import Context, Spelling, as_is, cut, fill, frame

SHIPPED = Path(__file__).resolve().parents[1] / "plans" / "templates"
"""The words for an installation whose plans folder has none of its own."""

SMS_SEGMENTS = 2
"""How long a text message may be: it is read on a lock screen, at night."""

LENGTHS_TRIED = (1_000, 120, 60, 30)
"""How many characters of a title a text message has, until it fits."""

SPOKEN_LENGTH = 300
"""How many characters of a title are read out; a call is about waking somebody."""

_KEY = re.compile(r"(?<![\w.+@-])(@@?)([a-z0-9]+(?:-[a-z0-9]+)*)(?![\w-]|\.\w)")
"""`@dana`, or `@@dana` with the ways to reach her; not the `@example` of an address."""

_GSM_SPELLING = str.maketrans(
    {"–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "...", "\xa0": " "}
)
"""Typographic characters would turn a text message into UCS-2 and halve its length."""


Contacts = Mapping[str, Contact]
"""Those whom a text may mention, by the directory's key."""


class Templates:
    """Renders the messages of all plans.

    `public_url` is where vendors reach the receiver; `sender` is the address that emails come from, which invitations
    name as their organiser.
    """

    def __init__(self, library: PlanLibrary, public_url: str, sender: str = "") -> None:
        self._library = library
        self._public_url = public_url
        self._host = urlsplit(public_url).hostname or "tocsin.invalid"
        self._sender = parseaddr(sender)[1] or f"tocsin@{self._host}"

    def email(self, dispatch: Dispatch, contact: Contact, address: str) -> Email:
        """The dispatch as an email: Markdown as written for those who read plain text, and as HTML."""
        drill = "[DRILL] " if dispatch.is_drill else ""
        folders, contacts = self._folders(dispatch), self._contacts(dispatch)
        context = {**self._context(dispatch), "recipient": contact.name}
        subject = _named(f"{drill}[{dispatch.reference}] {dispatch.subject or dispatch.title}", contacts)
        text = _named(fill(folders, "md", context), contacts)
        plain = frame(folders, "txt", text, context)
        rich = _named(fill(folders, "md", context, escape), contacts, escape)
        return Email(
            to=address,
            to_name=contact.name,
            subject=" ".join(subject.split()),
            text=plain,
            html=frame(folders, "html", to_html(rich), context),
            message_id=f"<{dispatch.message.lower()}@{self._host}>",
            correlation=_correlation(dispatch),
            attachments=self._attachments(dispatch, Party(address=address, name=contact.name), plain),
        )

    def sms(self, dispatch: Dispatch, address: str, person: str) -> Sms:
        """The dispatch as a text message: where it does not fit, the incident's title gives way, not the code."""
        body = ""
        for longest in LENGTHS_TRIED:
            body = self._short(dispatch, "sms", longest).translate(_GSM_SPELLING)
            if sms_segments(body)[1] <= SMS_SEGMENTS:
                break
        return Sms(to=address, body=shorten(body, SMS_SEGMENTS), status_callback=self._status_url(dispatch))

    def call(self, dispatch: Dispatch, contact: Contact, address: str, person: str) -> Call:
        """The dispatch as a phone call; only a page waits for a key, and the key is taken for `person`'s."""
        answer_url = None
        if dispatch.page is not None:
            workflow, incident = dispatch.workflow, dispatch.incident
            answer_url = key_url(self._public_url, workflow, incident, dispatch.page, person)
        return Call(
            to=address,
            say=self._short(dispatch, "voice", SPOKEN_LENGTH),
            language=contact.language,
            answer_url=answer_url,
            status_callback=self._status_url(dispatch),
        )

    def _short(self, dispatch: Dispatch, kind: Literal["sms", "voice"], longest: int) -> str:
        words = cut(self._context(dispatch), longest)
        return _named(fill(self._folders(dispatch), kind, words), self._contacts(dispatch))

    # What templates are filled with

    def _folders(self, dispatch: Dispatch) -> tuple[Path, ...]:
        own = self._library.plans[dispatch.plan.name].folder
        return own / "templates", self._library.folder / "templates", SHIPPED

    def _context(self, dispatch: Dispatch) -> Context:
        plan = self._plan(dispatch)
        customer = self._library.directory(plan.plan).customers.get(dispatch.customer or "")
        return {
            **{name: getattr(dispatch, name) for name in Dispatch.model_fields},
            "organisation": plan.organisation,
            "policy": plan.title,
            "customer": customer.name if customer else dispatch.customer,
            "recipient": "",
            "intended": _in_earnest(plan, dispatch, customer),
            "local": lambda moment: _local(moment, ZoneInfo(plan.calendar.timezone)),
        }

    def _contacts(self, dispatch: Dispatch) -> Contacts:
        """Who is behind each `@key`: people go before the members of audiences, and those before customers."""
        directory = self._library.directory(dispatch.plan.name)
        customer = directory.customers.get(dispatch.customer or "")
        groups = [*directory.audiences.values(), *(customer.audiences.values() if customer else ())]
        contacts = {key: Contact(name=each.name) for key, each in directory.customers.items()}
        for members in [*groups, directory.people]:
            contacts |= members
        return contacts

    def _plan(self, dispatch: Dispatch) -> Plan:
        return self._library.plans[dispatch.plan.name].plan

    # What goes along

    def _status_url(self, dispatch: Dispatch) -> str:
        return status_url(self._public_url, dispatch.workflow, dispatch.incident, dispatch.message)

    def _attachments(self, dispatch: Dispatch, attendee: Party, text: str) -> tuple[Attachment, ...]:
        if dispatch.meeting is not None:
            return (self._invite(dispatch, dispatch.meeting, attendee),)
        if dispatch.purpose == "report" and dispatch.report is not None:
            name = f"{dispatch.reference}-{dispatch.report.id}.txt"
            # With a byte order mark: the media type may not name a character set.
            return (_attachment(name, "text/plain", text.encode("utf-8-sig")),)
        return ()

    def _invite(self, dispatch: Dispatch, meeting: Meeting, attendee: Party) -> Attachment:
        drill = "[DRILL] " if dispatch.is_drill else ""
        content = invitation(
            meeting,
            uid=f"{meeting.id}-{dispatch.incident}@{self._host}",
            stamp=dispatch.created,
            organizer=Party(address=self._sender, name=self._plan(dispatch).organisation),
            attendee=attendee,
            summary=f"{drill}[{dispatch.reference}] {meeting.title}",
            details=f"About incident {dispatch.reference}: {dispatch.title}",
        )
        # SendGrid refuses parameters in a media type; the method stands in the content itself.
        return _attachment("invite.ics", "text/calendar", content.encode())


def _in_earnest(plan: Plan, dispatch: Dispatch, customer: Customer | None) -> str:
    """Who would get this message if it were no drill."""
    audience = plan.audiences.get(dispatch.target.audience or "")
    of = f" ({customer.name})" if audience and audience.of == "customer" and customer else ""
    return f"{audience.title}{of}" if audience else str(dispatch.target)


def _correlation(dispatch: Dispatch) -> dict[str, str]:
    return {"workflow": dispatch.workflow, "incident": dispatch.incident, "message": dispatch.message}


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%A %d %B %Y, %H:%M %Z}"


def _named(text: str, contacts: Contacts, spelling: Spelling = as_is) -> str:
    """`text` with the names of those whom it mentions by key; a key that nobody has any more stays."""

    def name(found: re.Match[str]) -> str:
        sign, key = found.groups()
        if key not in contacts:
            return found[0]
        contact = contacts[key]
        ways = [contact.email, contact.phone] if sign == "@@" else []
        return spelling(", ".join([contact.name, *filter(None, ways)]))

    return _KEY.sub(name, text)


def _attachment(name: str, media_type: str, content: bytes) -> Attachment:
    return Attachment(filename=name, media_type=media_type, content=base64.b64encode(content).decode())
