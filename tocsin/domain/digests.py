"""Holding back what would flood a person, and letting it come together in one message.

For each address on each channel it is known what left lately, what is held back, and which digests are under way.
`admit` decides about one message at a time, and every attempt at a message asks again:

    Alone         it goes out as itself
    HeldBack      it waits, and asks again then
    Together      it goes out now, in one digest with the others
    WentAlong     it has gone, in a digest that somebody else has sent

Whoever asks first once the wait is over takes all that is held back along. A digest whose sender fell silent is taken
over, so each message goes out at least once. What is not known here goes out as itself: nothing is ever held back by
an accident.

A flood of lesser pages does not hold up a worse one: it goes ahead, alone. The first page of an incident of the worst
severity goes within seconds. A phone is called once at a time, whatever for.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from tocsin.domain.base import Moment, Record, Value
from tocsin.domain.channel import ChannelName
from tocsin.domain.messages import Dispatch, Dispatched
from tocsin.domain.naming import identify
from tocsin.domain.plan import Digest
from tocsin.domain.state import PlanPin

K = TypeVar("K", int, str)

DIGESTIBLE: dict[ChannelName, frozenset[str]] = {
    "sms": frozenset({"page", "notice", "reminder"}),
    "phone": frozenset({"page", "notice", "reminder"}),
    "email": frozenset({"reminder"}),
}
"""What may be said in a digest, by channel: whatever has contents of its own, such as a report, goes by itself."""

WORST = 1
"""The rank of a plan's worst severity, as `Dispatch.rank` counts."""

SOON = timedelta(seconds=5)
"""How long a page of the worst severity is held back at most, if its incident has not been heard of within the rule's
time, until twice as many messages have left as the rule has come one by one."""

RINGING = timedelta(seconds=30)
"""How long a call keeps a phone to itself: it rings, is answered, and says what there is to do."""

CLAIM = timedelta(seconds=60)
"""How long whoever sends a digest may be silent before another takes it over; one attempt to send ends after 20 s."""

SECOND_COMERS = timedelta(seconds=5)
"""How much later than the first the others ask again: by then the digest has gone, and they find themselves in it."""

FORGOTTEN = timedelta(hours=1)
"""What was held back, or under way, for so long has nobody any more who asks for it: its incident has ended."""

COUNTED = 100
"""How many of the latest messages are counted, if the rule does not want more: an address in a drill gets thousands."""

REMEMBERED = timedelta(hours=3)
"""How long it is known what went along in a digest; whoever asks later, after an outage, goes out again as itself."""


class HeldMessage(Value):
    """A message that is held back: what a digest says of it, and where its deliveries and answers go.

    `person` is the directory's key of whom it is for; there is no address in it.
    """

    message: str
    workflow: str
    incident: str
    reference: str
    plan: PlanPin
    purpose: str
    person: str
    page: int | None = None
    code: str = ""
    title: str
    subject: str = ""
    text: str = ""
    severity: str
    rank: int | None = None
    is_drill: bool = False
    created: Moment


class Bundle(Value):
    """The messages that go out together; `began` is when that was first tried."""

    id: str
    channel: ChannelName
    members: tuple[HeldMessage, ...]
    began: Moment

    def has(self, message: str) -> bool:
        """Whether the message is in it."""
        return any(member.message == message for member in self.members)


class UnderWay(Value):
    """A digest that is being sent, by whoever claimed it last."""

    bundle: Bundle
    claimed: Moment


class Gone(Value):
    """A digest of these messages that a vendor took, as `sent` says."""

    messages: tuple[str, ...]
    sent: Dispatched
    at: Moment


class Lately(Record):
    """What one address has got lately over one channel, and what it is spared for now.

    `passed` are the messages that left, with their times; the messages in `waiting` are held back `until` then. `ranks`
    says when the last page of each rank left, and `worst` when the last one of an incident of the worst severity.
    """

    passed: dict[str, Moment] = {}
    ranks: dict[int, Moment] = {}
    worst: dict[str, Moment] = {}
    waiting: list[HeldMessage] = []
    until: Moment | None = None
    under_way: list[UnderWay] = []
    gone: list[Gone] = []


class Alone(NamedTuple):
    """It goes out as itself. An attempt before this one may have sent it already, unless it was held back until now."""

    may_have_left: bool = False


class HeldBack(NamedTuple):
    """It waits `until` then; `among` is how many wait."""

    until: datetime
    among: int


class Together(NamedTuple):
    """It goes out now with the others; one that is tried again may have gone before."""

    bundle: Bundle
    is_tried_again: bool


class WentAlong(NamedTuple):
    """It has gone with the others."""

    gone: Gone


Admission = Alone | HeldBack | Together | WentAlong


def held(dispatch: Dispatch, person: str) -> HeldMessage:
    """What is kept of a dispatch to `person` while it is held back."""
    shared = {name: getattr(dispatch, name) for name in HeldMessage.model_fields if name != "person"}
    return HeldMessage(**shared, person=person)


def is_digestible(dispatch: Dispatch) -> bool:
    """Whether a digest may say it; words that were approved are never said in others."""
    return dispatch.purpose in DIGESTIBLE[dispatch.channel] and dispatch.wording is None


def admit(lately: Lately, dispatch: Dispatch, person: str, attempt: int, now: datetime) -> Admission:
    """What becomes of this attempt at a message, noted in `lately`. Only a first attempt can be held back anew."""
    _forget(lately, dispatch.digest, now)
    if (gone := _gone(lately, dispatch.message)) is not None:
        return WentAlong(gone)
    if (under_way := _under_way(lately, dispatch.message)) is not None:
        return _take_over(lately, under_way, now)
    may_be_held = attempt == 1 and is_digestible(dispatch)
    is_waiting = any(each.message == dispatch.message for each in lately.waiting)
    until = lately.until if is_waiting else _until(lately, dispatch, now) if may_be_held else None
    if until is None:
        _leave(lately, dispatch, now)
        return Alone(may_have_left=attempt > 1)
    waits = _hold_back(lately, held(dispatch, person), until)
    return waits if now < until else _claim(lately, dispatch, now)


def has_gone(lately: Lately, bundle: Bundle, sent: Dispatched, now: datetime) -> None:
    """A vendor took the digest: its members find themselves in it when they ask again."""
    _drop(lately, bundle)
    messages = tuple(each.message for each in bundle.members)
    lately.gone.append(Gone(messages=messages, sent=sent, at=now))


def has_failed(lately: Lately, bundle: Bundle) -> None:
    """Nobody took the digest for now: it is anybody's, whole as it is, who asks next."""
    lately.under_way = [
        each.model_copy(update={"claimed": each.bundle.began - CLAIM})
        if each.bundle.id == bundle.id
        else each
        for each in lately.under_way
    ]


def is_given_up(lately: Lately, bundle: Bundle) -> None:
    """The vendor will never take the digest: its members, unknown from now on, go out one by one."""
    _drop(lately, bundle)


def _claim(lately: Lately, dispatch: Dispatch, now: datetime) -> Admission:
    members, lately.waiting, lately.until = tuple(lately.waiting), [], None
    if len(members) == 1:
        _leave(lately, dispatch, now)
        return Alone()
    id = identify("digest", members[0].message, now.isoformat())
    bundle = Bundle(id=id, channel=dispatch.channel, members=members, began=now)
    lately.under_way.append(UnderWay(bundle=bundle, claimed=now))
    lately.passed[id] = now
    for each in members:
        _note_page(lately, each, now)
    return Together(bundle, is_tried_again=False)


def _take_over(lately: Lately, known: UnderWay, now: datetime) -> Admission:
    if now < known.claimed + CLAIM:
        return HeldBack(known.claimed + CLAIM, len(known.bundle.members))
    lately.under_way = [each for each in lately.under_way if each != known]
    lately.under_way.append(known.model_copy(update={"claimed": now}))
    return Together(known.bundle, is_tried_again=True)


def _leave(lately: Lately, dispatch: Dispatch, now: datetime) -> None:
    """It goes by itself; what waits for the phone waits until this call is over."""
    lately.passed[dispatch.message] = now
    _note_page(lately, dispatch, now)
    if lately.until is not None and dispatch.channel == "phone":
        lately.until = max(lately.until, now + RINGING)


def _note_page(lately: Lately, message: Dispatch | HeldMessage, now: datetime) -> None:
    if message.purpose == "page" and message.rank is not None:
        lately.ranks[message.rank] = now
        if message.rank == WORST:
            lately.worst[message.incident] = now


def _hold_back(lately: Lately, message: HeldMessage, until: datetime) -> HeldBack:
    """Whoever is first, or has the others go sooner, asks again when the wait is over; the others a little later."""
    is_sooner = lately.until is None or until < lately.until
    lately.until = until
    _hold(lately, message)
    asks_first = is_sooner or lately.waiting[0].message == message.message
    return HeldBack(until if asks_first else until + SECOND_COMERS, len(lately.waiting))


def _hold(lately: Lately, message: HeldMessage) -> None:
    """A message that is held back already may live in another workflow by now."""
    for place, each in enumerate(lately.waiting):
        if each.message == message.message:
            lately.waiting[place] = message
            return
    lately.waiting.append(message)


def _until(lately: Lately, dispatch: Dispatch, now: datetime) -> datetime | None:
    """Until when a message that comes now is held back; `None` when it may go at once."""
    hung_up = _rings_until(lately, dispatch.channel, now)
    if hung_up is None and _is_worse_than_all(lately, dispatch, now):
        return None
    until = lately.until or _full_until(lately, dispatch.digest, now)
    if until is not None and _is_news_of_the_worst(lately, dispatch, now):
        until = min(until, max(now + SOON, _full_until(lately, dispatch.digest, now, times=2) or now))
    return max((each for each in (until, hung_up) if each is not None), default=None)


def _full_until(lately: Lately, rule: Digest | None, now: datetime, times: int = 1) -> datetime | None:
    """When somebody who has had enough for now, or so many times enough, may get more; `None` when they have not."""
    if rule is None:
        return None
    enough, recent = rule.over * times, sorted(at for at in lately.passed.values() if at > now - rule.per)
    return recent[-enough] + rule.per if len(recent) >= enough else None


def _rings_until(lately: Lately, channel: ChannelName, now: datetime) -> datetime | None:
    """When the call is over that is under way; `None` when none is."""
    last = max(lately.passed.values(), default=None) if channel == "phone" else None
    return last + RINGING if last is not None and now < last + RINGING else None


def _is_worse_than_all(lately: Lately, dispatch: Dispatch, now: datetime) -> bool:
    """Whether it is a page, and every page that passed lately is about something less bad."""
    rank = dispatch.rank
    if dispatch.purpose != "page" or rank is None:
        return False
    return all(rank < other for other in _within(dispatch.digest, lately.ranks, now))


def _is_news_of_the_worst(lately: Lately, dispatch: Dispatch, now: datetime) -> bool:
    """Whether it is a page about an incident of the worst severity that was not heard of lately."""
    is_of_the_worst = dispatch.purpose == "page" and dispatch.rank == WORST
    return is_of_the_worst and dispatch.incident not in _within(dispatch.digest, lately.worst, now)


def _within(rule: Digest | None, times: dict[K, Moment], now: datetime) -> list[K]:
    """Those whose time is within the rule's."""
    return [key for key, at in times.items() if rule is not None and at > now - rule.per]


def _newest(times: dict[K, Moment], most: int, after: datetime) -> dict[K, Moment]:
    return {key: at for key, at in list(times.items())[-most:] if at > after}


def _gone(lately: Lately, message: str) -> Gone | None:
    return next((each for each in lately.gone if message in each.messages), None)


def _under_way(lately: Lately, message: str) -> UnderWay | None:
    return next((each for each in lately.under_way if each.bundle.has(message)), None)


def _drop(lately: Lately, bundle: Bundle) -> None:
    lately.under_way = [each for each in lately.under_way if each.bundle.id != bundle.id]


def _forget(lately: Lately, rule: Digest | None, now: datetime) -> None:
    counted, over = (max(FORGOTTEN, rule.per), rule.over) if rule else (FORGOTTEN, 0)
    most = max(2 * over, COUNTED)
    lately.passed = _newest(lately.passed, most, now - counted)
    lately.ranks = _newest(lately.ranks, most, now - counted)
    lately.worst = _newest(lately.worst, most, now - counted)
    if lately.until is not None and lately.until < now - FORGOTTEN:
        lately.waiting, lately.until = [], None
    lately.under_way = [each for each in lately.under_way if each.bundle.began > now - FORGOTTEN]
    lately.gone = [each for each in lately.gone if each.at > now - REMEMBERED]
