"""What a worker knows of publications: the versions, their readers, the record, the mail by which people are asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tocsin.acknowledgements import AcknowledgementRegister
from tocsin.asking import AsWritten
from tocsin.callbacks import plan_url
from tocsin.domain import naming
from tocsin.domain.channel import Email
from tocsin.domain.directory import Contact
from tocsin.domain.inshort import promises_of
from tocsin.domain.messages import Rendered
from tocsin.domain.plan import Plan, Publication
from tocsin.domain.proving import Claim, NotProven
from tocsin.domain.publication import (
    Acknowledged,
    AskReader,
    NotPublishable,
    Published,
    Readership,
    RecordAcknowledgement,
    RecordEnding,
    RecordPublication,
)
from tocsin.domain.readership import acknowledgement_matter, readers_of, version_of, workflow_of
from tocsin.domain.state import PlanPin
from tocsin.library import PlanLibrary
from tocsin.markdown import escape, to_html
from tocsin.plaintext import to_text
from tocsin.proofs import Proofs
from tocsin.signing import WHAT_TO_SET
from tocsin.templating import SHIPPED, Context, fill, frame


class LibraryPublisher:
    """The publications of a library's plans, with their record below the state folder."""

    def __init__(self, library: PlanLibrary, proofs: Proofs, register: AcknowledgementRegister) -> None:
        self._library = library
        self._proofs = proofs
        self._register = register

    def publish(self, request: RecordPublication) -> Published:
        """Put a publication on the record, once. Raises `NotPublishable`, `OSError`."""
        plan = version_in(self._library, request.plan)
        asked = asked_of(plan)
        if not self._proofs:
            raise NotPublishable(f"nobody could prove that it is they who acknowledge: {WHAT_TO_SET}")
        if not self._readers(plan):
            raise NotPublishable(f"the directory of plan {plan.plan} has nobody whom `publication` names")
        due = request.at + asked.within
        earlier, later = self._register.publish(request.plan, request.at, due, request.by)
        return Published(
            title=plan.title,
            due=due,
            remind_every=asked.remind_every,
            earlier=tuple(earlier),
            overtaken_by=later,
        )

    def readership(self, plan: PlanPin) -> Readership:
        """Who must acknowledge the version now, and who has. Raises `OSError`."""
        readers = readers_of(version_in(self._library, plan), self._library.directory(plan.name))
        return Readership(readers=readers, acknowledged=self._register.acknowledged(plan))

    def acknowledge(self, request: RecordAcknowledgement) -> Acknowledged:
        """Put an acknowledgement on the record, once for each person. Raises `NotProven`, `OSError`."""
        plan, directory = version_in(self._library, request.plan), self._library.directory(request.plan.name)
        proven = self._proofs.shows(acknowledgement_matter(request.plan), request.person, request.proof)
        if proven.person not in {*directory.people, *self._readers(plan)}:
            raise NotProven(f'the directory of plan {plan.plan} has no "{proven.person}"')
        return self._register.acknowledge(request.plan, proven.person, request.at, proven.how)

    def end(self, request: RecordEnding) -> None:
        """Put on the record that nobody is asked any more, once. Raises `OSError`."""
        self._register.end(request)

    def _readers(self, plan: Plan) -> set[str]:
        return {reader.key for reader in readers_of(plan, self._library.directory(plan.plan))}


def version_in(library: PlanLibrary, pin: PlanPin) -> Plan:
    """The very version, and no other in its place. Raises `NotPublishable`."""
    try:
        plan, hash = library.find(pin)
    except LookupError as error:
        raise NotPublishable(f"the workers do not have it: {error}") from error
    if hash != pin.hash:
        raise NotPublishable(
            f"the workers do not have version {version_of(pin.hash)} of plan {pin.name}, and have "
            f"{version_of(hash)}: give all of them the same plans, restart them, and publish it again"
        )
    return plan


def asked_of(plan: Plan) -> Publication:
    """Who must acknowledge the plan, and by when. Raises `NotPublishable`."""
    if plan.publication is None:
        raise NotPublishable(
            f"plan {plan.plan} does not say who must acknowledge it: name them under `publication`, by role or audience"
        )
    return plan.publication


@dataclass(frozen=True)
class Ask:
    """A reader's own link and code, as a template may say them; both empty where there are no signing keys."""

    link: AsWritten
    code: str


class PublicationLetters:
    """Words the mails in the plan's templates: `acknowledge.md.j2`, its own before the shared one."""

    def __init__(self, library: PlanLibrary, proofs: Proofs, public_url: str) -> None:
        self._library = library
        self._proofs = proofs
        self._public_url = public_url
        self._host = urlsplit(public_url).hostname or "tocsin.invalid"

    def letter(self, request: AskReader) -> Rendered[Email]:
        """The mail, with a link and a code of their own. Raises `LookupError` for whoever has no address."""
        contact = self._contact(request)
        context = self._context(request, contact)
        folders = self._folders(request.plan)
        rich = fill(folders, "md", context, escape)
        text = frame(folders, "txt", to_text(rich.text), context)
        html = frame(folders, "html", to_html(rich.text), context)
        email = Email(
            to=contact.email or "",
            to_name=contact.name,
            subject=context["subject"],
            text=text.text,
            html=html.text,
            message_id=f"<{context['message']}@{self._host}>",
        )
        failures = (rich.failure, text.failure, html.failure)
        return Rendered(email, "; ".join(dict.fromkeys(filter(None, failures))))

    def _contact(self, request: AskReader) -> Contact:
        # A reader is a person, or a member of an audience: they are the same ones at any moment.
        found = self._library.directory(request.plan.name).contact(request.reader.target, request.published)
        if found is None:
            raise LookupError(f"the directory has nobody for {request.reader.key}")
        if found[1].email is None:
            raise LookupError(f"{request.reader.key} has no email address")
        return found[1]

    def _folders(self, pin: PlanPin) -> tuple[Path, ...]:
        own = self._library.plans[pin.name].folder
        return own / "templates", self._library.folder / "templates", SHIPPED

    def _ask(self, request: AskReader) -> Ask:
        if not self._proofs:
            return Ask(AsWritten(""), "")
        matter, person = acknowledgement_matter(request.plan), request.reader.key
        claim = Claim(matter=matter, workflow=workflow_of(request.plan), person=person, expires=request.due)
        link = plan_url(self._public_url, self._proofs.link(claim))
        return Ask(AsWritten(link), self._proofs.code(matter, person))

    def _context(self, request: AskReader, contact: Contact) -> Context:
        """What the template may say; the rest is what the frame around every mail says of an incident."""
        plan, pin = version_in(self._library, request.plan), request.plan
        zone = ZoneInfo(plan.calendar.timezone)
        reminder = "Reminder: " if request.round > 1 else ""
        return {
            "template": "acknowledge",
            "purpose": "acknowledge",
            "plan": pin,
            "title": plan.title,
            "version": version_of(pin.hash),
            "organisation": plan.organisation,
            "policy": plan.title,
            "promises": promises_of(plan),
            "person": request.reader.key,
            "recipient": contact.name,
            "round": request.round,
            "due": request.due,
            "asked": self._ask(request),
            "subject": f"[{pin.name}] {reminder}please read and acknowledge: {plan.title}",
            "message": _message_id(request),
            "reference": pin.name,
            "severity": f"version {version_of(pin.hash)}",
            "status": "to be acknowledged",
            "phase": "",
            "text": "",
            "wording": "",
            "code": "",
            "is_drill": False,
            "is_for_outsiders": False,
            "intended": "",
            "report": None,
            "meeting": None,
            "created": request.published,
            "local": lambda moment: _local(moment, zone),
        }


def _message_id(request: AskReader) -> str:
    """The same for a repeat, another one for each round."""
    return f"{naming.identify(request.plan.hash, request.reader.key).lower()}-{request.round}"


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%A %d %B %Y, %H:%M %Z}"
