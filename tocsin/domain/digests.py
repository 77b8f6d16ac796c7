"""Holding back what would flood a person, and letting it come together in one message.

For each address on each channel it is known what left lately, what is held back, and which digests are under way
(`tocsin.domain.lately`). `admit` decides about one message at a time, and every attempt at a message asks again:

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
from typing import NamedTuple

from tocsin.domain.channel import ChannelName
from tocsin.domain.lately import WORST, Bundle, Gone, HeldMessage, Lately, UnderWay
from tocsin.domain.messages import Dispatch, Dispatched
from tocsin.domain.naming import identify
from tocsin.domain.plan import Digest

_DIGESTIBLE: dict[ChannelName, frozenset[str]] = {
    "sms": frozenset({"page", "notice", "reminder"}),
    "phone": frozenset({"page", "notice", "reminder"}),
    "email": frozenset({"reminder"}),
}
"""What may be said in a digest, by channel: whatever has contents of its own, such as a report, goes by itself."""

SOON = timedelta(seconds=5)
"""How long a page of the worst severity is held back at most, if its incident has not been heard of within the rule's
time, until twice as many messages have left as the rule has come one by one."""

RINGING = timedelta(seconds=30)
"""How long a call keeps a phone to itself: it rings, is answered, and says what there is to do."""

CLAIM = timedelta(seconds=60)
"""How long whoever sends a digest may be silent before another takes it over; one attempt to send ends after 20 s."""

SECOND_COMERS = timedelta(seconds=5)
"""How much later than the first the others ask again: by then the digest has gone, and they find themselves in it."""


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


def _is_digestible(dispatch: Dispatch) -> bool:
    """Whether a digest may say it; words that were approved are never said in others."""
    return dispatch.purpose in _DIGESTIBLE[dispatch.channel] and dispatch.wording is None


def admit(lately: Lately, dispatch: Dispatch, person: str, attempt: int, now: datetime) -> Admission:
    """What becomes of this attempt at a message, noted in `lately`. Only a first attempt can be held back anew."""
    lately.forget(dispatch.digest, now)
    if (gone := lately.gone_with(dispatch.message)) is not None:
        return WentAlong(gone)
    if (under_way := lately.under_way_with(dispatch.message)) is not None:
        return _take_over(lately, under_way, now)
    may_be_held = attempt == 1 and _is_digestible(dispatch)
    is_waiting = lately.is_waiting(dispatch.message)
    until = lately.until if is_waiting else _until(lately, dispatch, now) if may_be_held else None
    if until is None:
        _leave(lately, dispatch, now)
        return Alone(may_have_left=attempt > 1)
    waits = _hold_back(lately, HeldMessage.of(dispatch, person), until)
    return waits if now < until else _claim(lately, dispatch, now)


def has_gone(lately: Lately, bundle: Bundle, sent: Dispatched, now: datetime) -> None:
    """A vendor took the digest: its members find themselves in it when they ask again."""
    lately.drop(bundle)
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
    lately.drop(bundle)


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
        lately.note_page(each, now)
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
    lately.note_page(dispatch, now)
    if lately.until is not None and dispatch.channel == "phone":
        lately.until = max(lately.until, now + RINGING)


def _hold_back(lately: Lately, message: HeldMessage, until: datetime) -> HeldBack:
    """Whoever is first, or has the others go sooner, asks again when the wait is over; the others a little later."""
    is_sooner = lately.until is None or until < lately.until
    lately.until = until
    lately.hold(message)
    asks_first = is_sooner or lately.waiting[0].message == message.message
    return HeldBack(until if asks_first else until + SECOND_COMERS, len(lately.waiting))


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
    recent = (other for other, at in lately.ranks.items() if _is_recent(dispatch.digest, at, now))
    return all(rank < other for other in recent)


def _is_news_of_the_worst(lately: Lately, dispatch: Dispatch, now: datetime) -> bool:
    """Whether it is a page about an incident of the worst severity that was not heard of lately."""
    is_of_the_worst = dispatch.purpose == "page" and dispatch.rank == WORST
    heard = lately.worst.get(dispatch.incident)
    return is_of_the_worst and (heard is None or not _is_recent(dispatch.digest, heard, now))


def _is_recent(rule: Digest | None, at: datetime, now: datetime) -> bool:
    """Whether it was within the rule's time."""
    return rule is not None and at > now - rule.per
