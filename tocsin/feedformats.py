"""The formats in which vendors publish their trouble: RSS 2.0, and the list of incidents that Google publishes.

Sources: rssboard.org/rss-specification, as the AWS Health Dashboard writes it (`status.aws.amazon.com/rss/*.rss`: one
item for each update, its time in Pacific time, its state in the title); and
google.com/appsstatus/dashboard/incidents.schema.json (an incident is open while it has no `end`; each entry of
`updates` is a post). What is unknown in a feed is left alone, and an entry that makes no sense is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import Annotated, Any, TypeVar
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from tocsin.domain import naming
from tocsin.domain.feeds import FeedFormat, FeedPost, FeedUnreadable

TITLE_LENGTH = 200
TEXT_LENGTH = 2_000
LONGEST_MARKUP = 20_000
"""How much of one post is read as HTML."""
LONGEST_ID = 100

_OVER = re.compile(r"\bresolved\b|operating normally", re.IGNORECASE)
"""How AWS says in a title that it is over: `[RESOLVED]`, `Resolved: …`, `Service is operating normally`."""
_MENTION = re.compile(r"(?<![\w.+-])@+")
"""In our texts `@dana` stands for a person of the directory; a stranger's text must not name anybody."""
_BREAKS = frozenset({"br", "p", "div", "li", "tr"})

T = TypeVar("T")


def parse(body: bytes, format: FeedFormat, url: str) -> tuple[FeedPost, ...]:
    """The posts of a feed that was read from `url`. Raises `FeedUnreadable`."""
    posts = _rss(body) if format == "rss" else _google(body, url)
    return tuple(posts)


def _all_that_make_sense(entries: Iterable[T], read: Callable[[T], Iterable[FeedPost]]) -> list[FeedPost]:
    """Raises `FeedUnreadable` when there are entries, and none of them makes sense."""
    posts: list[FeedPost] = []
    problem: ValueError | None = None
    for entry in entries:
        try:
            posts += read(entry)
        except ValueError as error:
            problem = error
    if problem is not None and not posts:
        raise FeedUnreadable("none of its entries makes sense") from problem
    return posts


# RSS


class _NoDoctype(ET.TreeBuilder):
    """Builds the tree of a document without a DTD: nothing in it can be expanded, and nothing fetched."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Refuse it, before any entity is declared."""
        raise FeedUnreadable("it has a DTD, which no feed needs")


def _rss(body: bytes) -> list[FeedPost]:
    try:
        root = ET.fromstring(body, ET.XMLParser(target=_NoDoctype()))  # noqa: S314 — see `_NoDoctype`
    except (ET.ParseError, ValueError, LookupError) as error:
        raise FeedUnreadable(f"it is no XML: {error}") from error
    if root.tag != "rss":
        raise FeedUnreadable("it is no RSS: its root is not <rss>")
    return _all_that_make_sense(root.iter("item"), _rss_posts)


def _rss_posts(item: ET.Element) -> Iterator[FeedPost]:
    title, text = _plain(item.findtext("title", "")), _plain(item.findtext("description", ""))
    link, published = item.findtext("link", "").strip(), item.findtext("pubDate", "").strip()
    guid = item.findtext("guid", "").strip()
    yield FeedPost(
        id=_id(guid or naming.identify(link, title, published)),
        title=_cut(title, TITLE_LENGTH),
        text=_cut(text, TEXT_LENGTH),
        link=_link(link),
        published=_moment(published),
        is_over=bool(_OVER.search(title)),
        topics=(guid[:LONGEST_ID],),  # of AWS, the service and the region: `…/#ec2-us-east-1_1639599392`
    )


def _moment(written: str) -> datetime:
    """A time as RFC 822 has it; some feeds write ISO 8601. Raises `ValueError`."""
    try:
        moment = parsedate_to_datetime(written)
    except ValueError:
        moment = datetime.fromisoformat(written)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


# Google


def _nothing(given: Any) -> Any:
    return None if given == "" else given


class _Foreign(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Product(_Foreign):
    title: str


class _Update(_Foreign):
    created: AwareDatetime | None = None
    when: AwareDatetime
    text: str = ""
    status: str = ""


class _Incident(_Foreign):
    id: str
    end: Annotated[AwareDatetime | None, BeforeValidator(_nothing)] = None
    external_desc: str = ""
    service_name: str = ""
    affected_products: tuple[_Product, ...] = ()
    uri: str = ""
    updates: tuple[_Update, ...] = ()


_JSON: TypeAdapter[list[Any]] = TypeAdapter(list[Any])


def _google(body: bytes, url: str) -> list[FeedPost]:
    try:
        incidents = _JSON.validate_json(body)
    except ValidationError as error:
        raise FeedUnreadable("it is no list of incidents in JSON") from error
    return _all_that_make_sense(incidents, lambda raw: _google_posts(_Incident.model_validate(raw), url))


def _google_posts(incident: _Incident, url: str) -> Iterator[FeedPost]:
    products = tuple(product.title for product in incident.affected_products) or (incident.service_name,)
    title = ": ".join(filter(None, (", ".join(products), _first_line(_plain(incident.external_desc)))))
    newest = max((update.when for update in incident.updates), default=None)
    for update in incident.updates:
        published = update.created or update.when
        yield FeedPost(
            id=_id(f"{incident.id}/{published.isoformat()}"),
            title=_cut(title, TITLE_LENGTH),
            text=_cut(_plain(update.text), TEXT_LENGTH),
            link=_link(urljoin(url, incident.uri)) if incident.uri else "",
            published=published,
            is_over=update.status == "AVAILABLE" or (incident.end is not None and update.when == newest),
            topics=products,
        )


# Text


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BREAKS:
            self.parts.append("\n")


def _plain(markup: str) -> str:
    """What somebody reads of a text that may hold HTML; nobody is mentioned in it."""
    reader = _Text()
    reader.feed(markup[:LONGEST_MARKUP])
    reader.close()
    printable = "".join(sign for sign in "".join(reader.parts) if sign.isprintable() or sign.isspace())
    lines = (" ".join(line.split()) for line in _MENTION.sub("", printable).splitlines())
    return "\n".join(filter(None, lines))


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _link(url: str) -> str:
    return url if re.match(r"https?://\S{1,480}$", url) else ""


def _id(name: str) -> str:
    return name if len(name) <= LONGEST_ID else naming.identify(name)
