"""Paging: levels are climbed until somebody acknowledges. The end of the ladder is the plan's last resort, and then its
beginning again: never nobody. What people do with a page is in `tocsin.domain.answering`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal, NamedTuple

from tocsin.domain import vendors
from tocsin.domain.case import Case, Draft
from tocsin.domain.channel import ChannelName
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.duties import Level
from tocsin.domain.state import Message, Page, PageLevel, Target

REMEMBERED_TRIES = 20
"""How many messages of one page stay in the state, which has to fit into a workflow's payload."""

HARDLY_LATE = 0.1
"""The part of a wait by which a message may leave late and nothing is moved: that would cost a timer."""

IN_VAIN = frozenset({DeliveryState.FAILED, DeliveryState.FAILED_FOR_NOW, DeliveryState.NO_ANSWER})
"""What a page does not wait for any longer: a phone that is switched off may be on again too late."""


WAIT: timedelta = Level.model_fields["wait"].default
"""How long each channel is waited for where the plan names whom to page and says no more."""

WAYS: tuple[ChannelName, ...] = ("sms", "phone")
"""The channels where the plan, or a person, says no more than that somebody is to be paged."""


class Rung(NamedTuple):
    """One try of a page: its place in the levels, and the channels, several where a level takes all at once."""

    level: int
    position: int
    via: tuple[ChannelName, ...]


def open_page(
    draft: Draft,
    levels: tuple[PageLevel, ...],
    reason: str,
    obligation: str | None = None,
    assigns: str | None = None,
    *,
    is_summons: bool = False,
    is_personal: bool = False,
    hands_over: int | None = None,
    passed_on: tuple[str, ...] = (),
) -> Page:
    """Begin to page: the first rung is tried at once."""
    number = len(draft.state.pages) + 1
    page = Page(
        number=number,
        reason=reason,
        obligation=obligation,
        levels=levels,
        assigns=assigns,
        is_summons=is_summons,
        is_personal=is_personal,
        hands_over=hands_over,
        passed_on=passed_on,
        next_at=None,
        opened=draft.now,
    )
    draft.state.pages[number] = page
    climb(draft, page)
    return page


def call(
    draft: Draft,
    target: Target,
    reason: str,
    obligation: str | None = None,
    via: tuple[ChannelName, ...] = WAYS,
    *,
    is_summons: bool = False,
) -> Page:
    """Page one target of whom the plan, or a person, says no more than that they are to be paged."""
    return open_page(draft, (plain_level(target, via),), reason, obligation, is_summons=is_summons)


def plain_level(
    target: Target, via: tuple[ChannelName, ...] = WAYS, added: Literal["handed on"] | None = None
) -> PageLevel:
    """A level where no more is said than whom it is for."""
    return PageLevel(target=target, via=via, wait=WAIT, added=added)


def level_of(spec: Level) -> PageLevel:
    """A level of the plan as one of a page."""
    target = Target(
        role=spec.role or spec.supervisor_of, person=spec.person, supervisor=spec.supervisor_of is not None
    )
    return PageLevel(target=target, via=spec.via, at_once=spec.at_once, wait=spec.wait, repeat=spec.repeat)


def climb(draft: Draft, page: Page) -> None:
    """Try the next rung: the next channel of this level, the next level, or the first again. Those that an outage has
    closed are passed over."""
    _detour(draft, page)
    rung = _next(draft, page) or _last_resort(draft, page)
    if rung is None:
        page.round += 1
        draft.record("page", f"page {page.number}: nobody answered; round {page.round} begins")
        rung = _open_rungs(draft, page)[0]
    page.level, page.channel = rung.level, rung.position
    _try(draft, page, rung)


def _last_resort(draft: Draft, page: Page) -> Rung | None:
    """Whom the plan names for when nobody answers, from the round on that it says; the page is overdue from then on."""
    if not _becomes_overdue(draft, page):
        return None
    spec, page.overdue = draft.plan.paging.last_resort, draft.now
    nobody = f"page {page.number} is overdue: nobody has answered in {_counted(page.round)}"
    if spec is None:
        draft.record("overdue", nobody)
        return None
    last = level_of(spec).model_copy(update={"added": "last resort"})
    page.levels += (last,)
    draft.record("overdue", f"{nobody}; {last.target} is the last resort")
    return _next(draft, page)


def _becomes_overdue(draft: Draft, page: Page) -> bool:
    """Whether it has gone round as often as the plan allows; the last resort, where there is one, comes before the next
    round then."""
    spec = draft.plan.paging.last_resort
    return page.overdue is None and page.round >= (spec.after_rounds if spec is not None else 1)


def _counted(rounds: int) -> str:
    return "the first round" if rounds == 1 else f"{rounds} rounds"


def leave_level(draft: Draft, page: Page) -> None:
    """Whoever is being tried will not take it: what is left of their level is passed over."""
    page.channel = max(rung.position for rung in _rungs(page) if rung.level == page.level)
    climb(draft, page)


def begin_again(draft: Draft, page: Page, levels: tuple[PageLevel, ...]) -> None:
    """An acknowledged page is open again, on these levels, from the first."""
    page.levels, page.level, page.channel, page.round = levels, 0, -1, 1
    climb(draft, page)


def _rungs(page: Page) -> Iterator[Rung]:
    for number, level in enumerate(page.levels):
        tries = [level.via] if level.at_once else [(channel,) for channel in level.via]
        tries *= level.repeat
        yield from (Rung(number, position, via) for position, via in enumerate(tries))


def _open_rungs(case: Case, page: Page) -> list[Rung]:
    """The rungs that can be tried, with what is open of each; all of them where an outage has closed every one."""
    shut = vendors.closed(case)
    left = [
        rung._replace(via=tuple(channel for channel in rung.via if channel not in shut))
        for rung in _rungs(page)
    ]
    return [rung for rung in left if rung.via] or list(_rungs(page))


def _next(case: Case, page: Page) -> Rung | None:
    """The next rung of this round; `None` when the round is over."""
    stands = (page.level, page.channel)
    return next((rung for rung in _open_rungs(case, page) if rung[:2] > stands), None)


def _detour(draft: Draft, page: Page) -> None:
    """Where outages have closed every channel of a page, its levels go over what the plan has instead."""
    shut, used = vendors.closed(draft), _channels_of(page)
    ways = vendors.open_channels(draft, used)
    if not shut.issuperset(used) or shut & set(ways):
        return
    page.levels = tuple(
        level.model_copy(update={"via": vendors.open_channels(draft, level.via)}) for level in page.levels
    )
    page.channel = -1
    why = vendors.why_closed(draft, used)
    draft.record(
        "page", f"page {page.number}: {' and '.join(ways)} instead of {' and '.join(used)}, because {why}"
    )


def _channels_of(page: Page) -> tuple[ChannelName, ...]:
    return tuple(dict.fromkeys(channel for level in page.levels for channel in level.via))


def _try(draft: Draft, page: Page, rung: Rung) -> None:
    level = page.levels[rung.level]
    page.next_at = draft.now + draft.scaled(_wait(draft, page, level))
    _forget_old_tries(draft, page)
    where = f"level {rung.level + 1}, round {page.round}{_what_is_shut(draft, page)}"
    draft.record("page", f"page {page.number}: {' and '.join(rung.via)} to {level.target} ({where})")
    page.trying = tuple(_send(draft, page, level.target, channel).id for channel in rung.via)


def _wait(draft: Draft, page: Page, level: PageLevel) -> timedelta:
    """As the level says, and longer once a page has gone round so often that nobody can be near."""
    rules = draft.plan.paging
    return level.wait if page.round <= rules.rounds else max(level.wait, rules.then)


def _what_is_shut(draft: Draft, page: Page) -> str:
    shut = tuple(channel for channel in _channels_of(page) if channel in vendors.closed(draft))
    return f"; no {' and '.join(shut)}: {vendors.why_closed(draft, shut)}" if shut else ""


def _send(draft: Draft, page: Page, target: Target, channel: ChannelName) -> Message:
    message = Message(
        id=draft.next_message_id(),
        purpose="page",
        template="page",
        target=_whose_turn(page, target),
        channel=channel,
        page=page.number,
        obligation=page.obligation,
        subject=page.reason,
        created=draft.now,
    )
    return draft.send(message)


def _forget_old_tries(draft: Draft, page: Page) -> None:
    """A page that rings for days keeps its newest messages only; the timeline has said what became of the others."""
    awaited = {errand.message for errand in draft.state.errands.values()}
    for id in _messages_of(draft, page)[:-REMEMBERED_TRIES]:
        if id not in awaited:
            del draft.state.messages[id]


def _whose_turn(page: Page, target: Target) -> Target:
    """Each round tries another holder of the role: the one before may be away."""
    if target.role is None:
        return target
    return target.model_copy(update={"turn": page.round - 1, "last": page.passed_on})


def climb_what_is_due(draft: Draft) -> None:
    """Every open page whose wait is over tries its next rung."""
    for page in draft.state.pages.values():
        if page.is_open and page.next_at is not None and page.next_at <= draft.now:
            climb(draft, page)


def has_left(draft: Draft, message: Message) -> None:
    """The wait for an answer begins when the first message of a rung leaves, which may have been held back; one that
    never leaves is waited for no longer than if it had."""
    page = draft.state.pages.get(message.page or 0)
    if page is None or page.next_at is None or message.id not in page.trying:
        return
    wait = draft.scaled(_wait(draft, page, page.levels[page.level]))
    is_first = sum(each.sent is not None for each in _trying(draft, page)) == 1
    if is_first and draft.now - message.created > wait * HARDLY_LATE:
        page.next_at = max(page.next_at, draft.now + wait)


def rung_failed(draft: Draft, message: Message) -> None:
    """A page none of whose messages could be delivered climbs at once — but the last rung waits, lest a dead vendor
    spin it."""
    page = draft.state.pages.get(message.page or 0)
    if page is None or not page.is_open or message.id not in page.trying:
        return
    has_resort = draft.plan.paging.last_resort is not None and _becomes_overdue(draft, page)
    is_last = _next(draft, page) is None and not has_resort
    if not _hoped_for(draft, page) and not is_last:
        climb(draft, page)


def leave_what_is_closed(draft: Draft) -> None:
    """Pages that wait for an answer over nothing but channels that an outage has closed climb at once."""
    shut = vendors.closed(draft)
    for page in draft.state.pages.values():
        is_lost = any(_is_lost(message, shut) for message in _trying(draft, page))
        if page.is_open and is_lost and not _hoped_for(draft, page):
            climb(draft, page)


def _hoped_for(draft: Draft, page: Page) -> list[Message]:
    """The messages of this rung that may still be answered."""
    shut = vendors.closed(draft)
    tried = _trying(draft, page)
    return [message for message in tried if message.state not in IN_VAIN and not _is_lost(message, shut)]


def _trying(draft: Draft, page: Page) -> list[Message]:
    return [draft.state.messages[id] for id in page.trying]


def _is_lost(message: Message, shut: frozenset[ChannelName]) -> bool:
    return message.channel in shut and message.state in {DeliveryState.QUEUED, DeliveryState.SENT}


def _messages_of(draft: Draft, page: Page) -> list[str]:
    return [message.id for message in draft.state.messages.values() if message.page == page.number]


def end_open_pages(draft: Draft, why: str, of: str | None = None) -> None:
    """Nobody needs to answer any more: no page at all, or none on account of the obligation `of`."""
    for page in draft.state.pages.values():
        if of in {None, page.obligation}:
            end_page(draft, page, why)


def end_page(draft: Draft, page: Page, why: str) -> None:
    """Nobody needs to answer this one any more; one that is over already is left as it is."""
    if page.is_open:
        page.ended, page.next_at = draft.now, None
        draft.record("page", f"page {page.number} ended: {why}")
