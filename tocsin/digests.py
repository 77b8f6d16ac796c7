"""The words of a digest: what was held back for one person, the worst first, in one text, call or email.

They come from the templates `digest.sms.j2`, `digest.voice.j2` and `digest.md.j2`, looked for as every message's are
(`tocsin.rendering`), by the plan of the worst message whose plan is here. A page that was repeated while it was held
back is said once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tocsin.callbacks import digest_key_url, digest_status_url
from tocsin.domain.channel import Call, Email, Sms
from tocsin.domain.directory import Contact
from tocsin.domain.lately import Bundle, HeldMessage
from tocsin.domain.messages import Rendered
from tocsin.domain.plan import LEAST_URGENT
from tocsin.domain.sms_text import in_gsm, shorten, sms_segments
from tocsin.library import PlanLibrary
from tocsin.markdown import escape, to_html
from tocsin.mentions import Contacts, everybody, named
from tocsin.plaintext import to_text
from tocsin.prompts import Prompts, folders_of
from tocsin.templating import Context, Filled, Kind, fill, frame

SMS_SEGMENTS = 3
"""How long the text may be."""

SMS_SHAPES = ((10, 60), (10, 30), (10, 20), (8, 30), (6, 30), (4, 30), (2, 30), (1, 60))
"""How many messages are said, and how many characters of each, until the text is short enough: codes before words."""

SPOKEN = (3, 120)
"""The same for a call: the worst few; who answers it has to look at the rest anyway."""

WRITTEN = (200, 300)
"""The same for an email."""


@dataclass(frozen=True)
class Line:
    """One message, as a template may say it; `about` and `text` are in plain words, with names."""

    reference: str
    code: str
    severity: str
    about: str
    text: str
    is_drill: bool


class DigestTemplates:
    """Renders digests for everybody; `public_url` is where vendors reach the receiver."""

    def __init__(self, library: PlanLibrary, public_url: str) -> None:
        self._library = library
        self._public_url = public_url
        self._prompts = Prompts(library)
        self._host = urlsplit(public_url).hostname or "tocsin.invalid"

    def email(self, bundle: Bundle, contact: Contact, address: str) -> Rendered[Email]:
        """The digest as an email; a repeat has the same Message-ID."""
        context, folders = self._context(bundle, contact, *WRITTEN), self._folders(bundle)
        rich = fill(folders, "md", context, escape)
        text = frame(folders, "txt", to_text(rich.text), context)
        html = frame(folders, "html", to_html(rich.text), context)
        email = Email(
            to=address,
            to_name=contact.name,
            subject=f"{'[DRILL] ' if context['is_drill'] else ''}{context['subject']}",
            text=text.text,
            html=html.text,
            message_id=f"<digest-{bundle.id.lower()}@{self._host}>",
            correlation={"digest": bundle.id},
        )
        return Rendered(email, _noted(rich, text, html))

    def sms(self, bundle: Bundle, contact: Contact, address: str) -> Rendered[Sms]:
        """The digest as a text message: as many of the messages as fit, and how many there are."""
        filled = Filled("")
        for shown, longest in SMS_SHAPES:
            filled = self._fill(bundle, contact, "sms", shown, longest)
            if sms_segments(in_gsm(filled.text))[1] <= SMS_SEGMENTS:
                break
        body = shorten(in_gsm(filled.text), SMS_SEGMENTS)
        callback = digest_status_url(self._public_url, bundle.id)
        return Rendered(Sms(to=address, body=body, status_callback=callback), _noted(filled))

    def call(self, bundle: Bundle, contact: Contact, address: str) -> Rendered[Call]:
        """The digest as a phone call; the key that is pressed is for everything in it."""
        said = self._fill(bundle, contact, "voice", *SPOKEN)
        plan = self._leading(bundle).plan.name
        call = Call(
            to=address,
            say=said.text,
            language=said.language,
            keys=self._prompts.say("digest_keys", plan, contact.language),
            silence=self._prompts.say("silence", plan, contact.language),
            answer_url=digest_key_url(self._public_url, bundle.id, contact.language),
            status_callback=digest_status_url(self._public_url, bundle.id),
        )
        return Rendered(call, _noted(said))

    def _fill(self, bundle: Bundle, contact: Contact, kind: Kind, shown: int, longest: int) -> Filled:
        return fill(self._folders(bundle), kind, self._context(bundle, contact, shown, longest))

    def _folders(self, bundle: Bundle) -> tuple[Path, ...]:
        return folders_of(self._library, self._leading(bundle).plan.name)

    def _leading(self, bundle: Bundle) -> HeldMessage:
        """The worst message whose plan is here: that plan has the words."""
        ordered = _worst_first(bundle)
        return next((each for each in ordered if each.plan.name in self._library.plans), ordered[0])

    def _context(self, bundle: Bundle, contact: Contact, shown: int, longest: int) -> Context:
        """What a template may say; with everything that any other message's template, or its frame, has."""
        ordered, leading = _worst_first(bundle), self._leading(bundle)
        plan = self._library.plans[leading.plan.name].plan
        zone = ZoneInfo(plan.calendar.timezone)
        pages = sum(bool(each.code) for each in ordered)
        lines = [self._line(each, longest) for each in ordered[:shown]]
        return {
            "template": "digest",
            "purpose": "digest",
            "message": f"digest {bundle.id}",
            "language": contact.language,
            "plan": leading.plan,
            "organisation": plan.organisation,
            "policy": plan.title,
            "recipient": contact.name,
            "count": len(ordered),
            "pages": pages,
            "shown": lines,
            "more": len(ordered) - len(lines),
            "reference": ordered[0].reference,
            "severity": lines[0].severity,
            "title": f"{len(ordered)} messages at once",
            "status": "digest",
            "subject": f"{len(ordered)} messages at once, the worst {lines[0].severity}: {lines[0].about}",
            "code": "ACK ALL" if pages else "",
            "created": bundle.began,
            "is_drill": all(each.is_drill for each in ordered),
            "is_for_outsiders": False,
            "local": lambda moment: f"{moment.astimezone(zone):%A %d %B %Y, %H:%M %Z}",
            **dict.fromkeys(("text", "phase", "wording", "report", "meeting", "asked"), ""),
        }

    def _line(self, message: HeldMessage, longest: int) -> Line:
        contacts = self._contacts(message.plan.name)
        return Line(
            reference=message.reference,
            code=message.code,
            severity=message.severity,
            about=_cut(named(message.subject or message.title, contacts), longest),
            text=_cut(named(message.text, contacts), longest),
            is_drill=message.is_drill,
        )

    def _contacts(self, plan: str) -> Contacts:
        return everybody(self._library.directory(plan), None) if plan in self._library.plans else {}


def _worst_first(bundle: Bundle) -> list[HeldMessage]:
    """Each page, and each other message, once: pages before notices, then by severity, then by age."""
    once: dict[str, HeldMessage] = {}
    for each in bundle.members:
        once.setdefault(each.code or each.message, each)
    return sorted(once.values(), key=lambda each: (not each.code, each.rank or LEAST_URGENT, each.created))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _noted(*filled: Filled) -> str:
    return "; ".join(dict.fromkeys(each.failure for each in filled if each.failure))
