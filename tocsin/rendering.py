"""The words that go out: a plan's templates filled with what a message carries.

For each message the first of these is taken, from the plan's own `templates/` folder before the shared one:

    {template}.{kind}.j2     the message or report that the plan names: `interim.md.j2`
    {purpose}.{kind}.j2      page, notice, report, invitation, reminder, refusal, approval
    message.{kind}.j2        whatever has no words of its own

For a letter these are `{template}-letter.md.j2` and `letter.md.j2`. For somebody whose language is `es-MX`, each is
looked for as `page.es-MX.sms.j2` and `page.es.sms.j2` first. `call.voice.j2` is what a call says besides its message.

`kind` is `md` (an email's body, in Markdown), `sms` or `voice`. `frame.html.j2` and `frame.txt.j2` are put around every
email. A template that fails costs its message the form and never the essentials: plain words go out in its place, and
the message says so to whoever sends it. Words that were approved go out as they were approved, or not at all.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import parseaddr
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tocsin.asking import Asking
from tocsin.callbacks import key_url, status_url
from tocsin.domain.channel import Attachment, Call, Email, Sms
from tocsin.domain.directory import Contact, Customer
from tocsin.domain.messages import Dispatch, Rendered
from tocsin.domain.plan import Plan
from tocsin.domain.sms_text import in_gsm, shorten, sms_segments
from tocsin.enclosures import invitation_to, report_on
from tocsin.invitations import Party
from tocsin.library import PlanLibrary
from tocsin.markdown import escape, to_html
from tocsin.mentions import Contacts, everybody, named
from tocsin.pdf import Paper
from tocsin.plaintext import to_text
from tocsin.printing import as_letter, drawn, paper_of
from tocsin.prompts import Prompts, folders_of
from tocsin.templating import Context, Filled, cut, fill, frame
from tocsin.wordings import LostWording, Wording

SMS_SEGMENTS = 2
"""How long a text message may be: it is read on a lock screen, at night."""

LENGTHS_TRIED = (1_000, 120, 60, 30)
"""How many characters of a title a text message has, until it fits."""

SPOKEN_LENGTH = 300
"""How many characters of a title are read out; a call is about waking somebody."""

T = TypeVar("T")


class Words(NamedTuple):
    """A message with names: `plain` for those who read plain text, `rich` in Markdown, in which what must not be markup
    is escaped."""

    subject: str
    plain: str
    rich: str
    failures: tuple[str, ...]


class Templates:
    """Renders the messages of all plans.

    `public_url` is where vendors reach the receiver; `sender` is the address that emails come from, which invitations
    name as their organiser. `asking` has the words that were approved, and the proofs for whoever is to approve.
    """

    def __init__(
        self, library: PlanLibrary, public_url: str, sender: str = "", asking: Asking | None = None
    ) -> None:
        self._library = library
        self._public_url = public_url
        self._host = urlsplit(public_url).hostname or "tocsin.invalid"
        self._sender = parseaddr(sender)[1] or f"tocsin@{self._host}"
        self._asking = asking
        self._prompts = Prompts(library)

    def email(self, dispatch: Dispatch, contact: Contact, address: str) -> Rendered[Email]:
        """The dispatch as an email: in plain text, as HTML, a report as PDF too."""
        context = self._context(dispatch, contact.name, contact.language)
        words = self._words(dispatch, context)
        plain = frame(self._folders(dispatch), "txt", words.plain, context)
        rich = frame(self._folders(dispatch), "html", to_html(words.rich), context)
        party = Party(address=address, name=contact.name)
        attachments, lack = self._enclosures(dispatch, party, words)
        email = Email(
            to=address,
            to_name=contact.name,
            subject=words.subject,
            text=plain.text,
            html=rich.text,
            message_id=f"<{dispatch.message.lower()}@{self._host}>",
            correlation=_correlation(dispatch),
            attachments=attachments,
        )
        return _rendered(email, *words.failures, plain.failure, rich.failure, lack)

    def sms(self, dispatch: Dispatch, address: str, person: str) -> Rendered[Sms]:
        """The dispatch as a text message: where it does not fit, the incident's title gives way, not the code."""
        if (approved := self._approved(dispatch)) is not None:
            body = approved.as_text_message()
            return Rendered(Sms(to=address, body=body, status_callback=self._status_url(dispatch)))
        contact = self._contacts(dispatch).get(person)
        language = contact.language if contact else ""
        body, failure = "", ""
        for longest in LENGTHS_TRIED:
            filled, failure, _ = self._short(dispatch, "sms", longest, language)
            body = in_gsm(filled)
            if sms_segments(body)[1] <= SMS_SEGMENTS:
                break
        body = shorten(body, SMS_SEGMENTS)
        return _rendered(Sms(to=address, body=body, status_callback=self._status_url(dispatch)), failure)

    def call(self, dispatch: Dispatch, contact: Contact, address: str, person: str) -> Rendered[Call]:
        """The dispatch as a phone call that asks for a key, which is taken for `person`'s: a page for an answer, any
        other message for a sign that it was heard."""
        say, failure, language = self._short(dispatch, "voice", SPOKEN_LENGTH, contact.language)
        plan = dispatch.plan.name
        call = Call(
            to=address,
            say=say,
            language=language,
            keys=self._prompts.say("page_keys" if dispatch.page else "notice_keys", plan, contact.language),
            silence=self._prompts.say("silence", plan, contact.language),
            answer_url=self._key_url(dispatch, contact.language, person),
            status_callback=self._status_url(dispatch),
        )
        return _rendered(call, failure)

    def _short(
        self, dispatch: Dispatch, kind: Literal["sms", "voice"], longest: int, language: str
    ) -> Filled:
        if (approved := self._approved(dispatch)) is not None:
            return Filled(approved.as_speech())
        context = self._context(dispatch, language=language)
        filled = fill(self._folders(dispatch), kind, cut(context, longest))
        return filled._replace(text=named(filled.text, self._contacts(dispatch)))

    # Papers

    def paper(self, dispatch: Dispatch) -> Rendered[Paper]:
        """The dispatch's report as it is printed, for nobody in particular."""
        words = self._words(dispatch, self._context(dispatch))
        return _rendered(self._printed(dispatch, words), *words.failures)

    def letter(self, dispatch: Dispatch, contact: Contact) -> Rendered[Paper]:
        """The dispatch's report as a letter to somebody with a postal address; without the picture, which is ours."""
        purpose = {"template": f"{dispatch.template}-letter", "purpose": "letter"}
        words = self._words(dispatch, {**self._context(dispatch, contact.name, contact.language), **purpose})
        paper = self._printed(dispatch.model_copy(update={"picture": None}), words)
        return _rendered(as_letter(paper, contact), *words.failures)

    def page(self, dispatch: Dispatch) -> Rendered[str]:
        """The dispatch's report as an HTML document of its own, with its picture."""
        context = self._context(dispatch)
        words = self._words(dispatch, context)
        body = to_html(words.rich) + drawn(dispatch, self._plan(dispatch))
        whole = frame(self._folders(dispatch), "html", body, context)
        return _rendered(whole.text, *words.failures, whole.failure)

    # What templates are filled with

    def wording(self, dispatch: Dispatch) -> Wording:
        """The dispatch's words as an email would have them, for nobody in particular."""
        words = self._words(dispatch, self._context(dispatch))
        return Wording(subject=words.subject, body=words.rich)

    def _printed(self, dispatch: Dispatch, words: Words) -> Paper:
        intended = str(self._context(dispatch)["intended"])
        return paper_of(dispatch, self._plan(dispatch), words.subject, words.rich, intended)

    def _words(self, dispatch: Dispatch, context: Context) -> Words:
        if (approved := self._approved(dispatch)) is not None:
            return Words(approved.subject, approved.plain, approved.body, ())
        folders, contacts = self._folders(dispatch), self._contacts(dispatch)
        drill = "[DRILL] " if dispatch.is_drill else ""
        subject = named(f"{drill}[{dispatch.reference}] {dispatch.subject or dispatch.title}", contacts)
        filled = fill(folders, "md", context, escape)
        rich = named(filled.text, contacts, escape)
        return Words(
            subject=" ".join(subject.split()), plain=to_text(rich), rich=rich, failures=(filled.failure,)
        )

    def _approved(self, dispatch: Dispatch) -> Wording | None:
        """The words that were approved for the dispatch, if somebody had to. Raises `WordingError`."""
        if dispatch.wording and self._asking is None:
            raise LostWording(f"the words {dispatch.wording} cannot be had here: only workers send them")
        return self._asking.approved(dispatch) if self._asking else None

    def _folders(self, dispatch: Dispatch) -> tuple[Path, ...]:
        return folders_of(self._library, dispatch.plan.name)

    def _context(self, dispatch: Dispatch, recipient: str = "", language: str = "") -> Context:
        plan = self._plan(dispatch)
        customer = self._library.directory(plan.plan).customers.get(dispatch.customer or "")
        return {
            **{name: getattr(dispatch, name) for name in Dispatch.model_fields},
            "organisation": plan.organisation,
            "policy": plan.title,
            "customer": customer.name if customer else dispatch.customer,
            "recipient": recipient,
            "language": language,
            "intended": _in_earnest(plan, dispatch, customer),
            "asked": self._asking.of(dispatch) if self._asking else None,
            "link": self._asking.page_link(dispatch) if self._asking else None,
            "local": lambda moment: _local(moment, ZoneInfo(plan.calendar.timezone)),
        }

    def _contacts(self, dispatch: Dispatch) -> Contacts:
        return everybody(self._library.directory(dispatch.plan.name), dispatch.customer)

    def _plan(self, dispatch: Dispatch) -> Plan:
        return self._library.plans[dispatch.plan.name].plan

    # What goes along

    def _status_url(self, dispatch: Dispatch) -> str:
        return status_url(self._public_url, dispatch.workflow, dispatch.incident, dispatch.message)

    def _key_url(self, dispatch: Dispatch, language: str, person: str) -> str:
        return key_url(
            self._public_url,
            dispatch.workflow,
            dispatch.incident,
            dispatch.page,
            person,
            message=dispatch.message,
            plan=dispatch.plan.name,
            language=language,
        )

    def _enclosures(
        self, dispatch: Dispatch, attendee: Party, words: Words
    ) -> Rendered[tuple[Attachment, ...]]:
        if dispatch.meeting is not None:
            organizer = Party(address=self._sender, name=self._plan(dispatch).organisation)
            return Rendered((invitation_to(dispatch.meeting, dispatch, organizer, attendee, self._host),))
        if dispatch.purpose == "report" and dispatch.report is not None:
            return report_on(self._printed(dispatch, words), f"{dispatch.reference}-{dispatch.report.id}")
        return Rendered(())


def _rendered(message: T, *failures: str) -> Rendered[T]:
    return Rendered(message, "; ".join(dict.fromkeys(filter(None, failures))))


def _in_earnest(plan: Plan, dispatch: Dispatch, customer: Customer | None) -> str:
    """Who would get this message if it were no drill."""
    audience = plan.audiences.get(dispatch.target.audience or "")
    of = f" ({customer.name})" if audience and audience.of == "customer" and customer else ""
    return f"{audience.title}{of}" if audience else str(dispatch.target)


def _correlation(dispatch: Dispatch) -> dict[str, str]:
    return {"workflow": dispatch.workflow, "incident": dispatch.incident, "message": dispatch.message}


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%A %d %B %Y, %H:%M %Z}"
