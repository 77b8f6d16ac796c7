"""What people do with a page: acknowledge it, pass it on, fall silent after they took it, or want no more texts."""

from __future__ import annotations

from datetime import datetime

from tocsin.domain import commands as said
from tocsin.domain import escalation, naming, notices
from tocsin.domain.case import Case, Draft
from tocsin.domain.channel import ChannelName
from tocsin.domain.commands import CommandRefused
from tocsin.domain.durations import describe
from tocsin.domain.sense import listed, somebody
from tocsin.domain.state import Acknowledgement, Actor, Message, Page, PageLevel, Target
from tocsin.domain.words import Status


def page_named(draft: Draft, number: int) -> Page:
    """The page with this number. Raises `CommandRefused` when there is none, or it has ended."""
    page = draft.state.pages.get(number)
    if page is None:
        raise CommandRefused(f"there is no page {number}; the pages are {listed(draft.state.pages)}")
    if page.ended is not None:
        raise CommandRefused(f"page {number} has ended")
    return page


# Acknowledging


def may_answer(draft: Draft, page: Page, by: Actor) -> bool:
    """Whether an answer of theirs counts: where all must answer, only to a page that was sent to them."""
    if not page.is_personal:
        return True
    sent_to = {message.reached for message in draft.state.messages.values() if message.page == page.number}
    return by.key in sent_to | {level.target.person for level in page.levels}


def acknowledge(draft: Draft, page: Page, by: Actor) -> None:
    """Somebody answered: the page ends, and they take the role that it gives, unless it is held by somebody who has not
    passed it on to them."""
    page.acknowledged = Acknowledgement(by=by, at=draft.now, heard=draft.now)
    page.next_at = None
    code = naming.page_code(draft.state.id, page.number)
    draft.record("acknowledged", f"page {page.number} ({code}) acknowledged: {page.reason}", by)
    if page.assigns and (page.hands_over or page.assigns not in draft.state.roles):
        draft.state.roles[page.assigns] = by.key
        draft.record("assigned", f"@{by.key} is {draft.plan.roles[page.assigns].title}", by)


# Handing over


def hand_over(draft: Draft, command: said.HandOver) -> None:
    """Pass on an open page, or hand over one that was acknowledged. Raises `CommandRefused`."""
    page = page_named(draft, command.page)
    target = somebody(draft, command.role, command.person) if command.role or command.person else None
    because = f" — {command.reason}" if command.reason else ""
    page.passed_on = tuple(dict.fromkeys([*page.passed_on, command.actor.key]))
    if page.acknowledged is not None:
        _hand_over(draft, page, target, command.actor, because)
    elif target is not None:
        draft.record("page", f"page {page.number} is passed on to {target}{because}", command.actor)
        _insert(page, escalation.plain_level(target, added="handed on"))
        escalation.leave_level(draft, page)
    else:
        draft.record("page", f"page {page.number} is passed on to whoever is next{because}", command.actor)
        escalation.leave_level(draft, page)


def _insert(page: Page, level: PageLevel) -> None:
    """Set a level after the one that is being tried."""
    after = page.level + 1
    page.levels = (*page.levels[:after], level, *page.levels[after:])


def _hand_over(draft: Draft, page: Page, target: Target | None, by: Actor, because: str) -> None:
    """Whoever acknowledged stays responsible until somebody else has."""
    assert page.acknowledged is not None
    if target is None:
        holder = page.acknowledged.by.key
        raise CommandRefused(
            f"page {page.number} was acknowledged by @{holder}; say to whom it is to be handed over"
        )
    if target.person == page.acknowledged.by.key:
        raise CommandRefused(f"page {page.number} is @{target.person}'s already")
    draft.record("page", f"page {page.number} is to be handed over to {target}{because}", by)
    escalation.open_page(
        draft,
        (escalation.plain_level(target, added="handed on"), *page.levels_of_the_plan),
        page.reason,
        page.obligation,
        page.assigns,
        is_summons=page.is_summons,
        hands_over=page.number,
        passed_on=(by.key,),
    )


# Falling silent


def heard(draft: Draft, actor: Actor) -> None:
    """Somebody gave a sign of themselves: what they acknowledged is held for as long again."""
    for page in draft.state.pages.values():
        if page.acknowledged is not None and page.acknowledged.by.key == actor.key:
            page.acknowledged = page.acknowledged.model_copy(update={"heard": draft.now})


def holds_until(case: Case, page: Page) -> datetime | None:
    """When an acknowledgement runs out; `None` when it holds to the end."""
    allowed = case.plan.paging.holds.get(case.state.severity)
    if page.acknowledged is None or not page.is_summons or allowed is None:
        return None
    if case.state.status is not Status.OPEN or _was_handed_over(case, page):
        return None
    return (page.acknowledged.heard or page.acknowledged.at) + case.scaled(allowed)


def _was_handed_over(case: Case, page: Page) -> bool:
    return any(
        other.hands_over == page.number and (other.acknowledged is not None or other.lapsed)
        for other in case.state.pages.values()
    )


def ask_again_where_silent(draft: Draft) -> None:
    """Acknowledgements that ran out are asked for again: of the same person first, then of everybody on the levels."""
    for page in draft.state.pages.values():
        until = holds_until(draft, page)
        if until is not None and until <= draft.now:
            _ask_again(draft, page)


def _ask_again(draft: Draft, page: Page) -> None:
    acknowledged = page.acknowledged
    assert acknowledged is not None
    holder, silence = acknowledged.by.key, draft.plan.paging.holds[draft.state.severity]
    draft.record(
        "page",
        f"page {page.number}: nothing was heard of @{holder} for {describe(silence)}, so it begins again",
    )
    page.lapsed += (acknowledged,)
    page.acknowledged = page.overdue = None
    first = page.levels[0].model_copy(update={"target": Target(person=holder), "added": "asked again"})
    escalation.begin_again(draft, page, (first, *page.levels_of_the_plan))


# Wanting no more messages


def opt_out(draft: Draft, command: said.OptOut) -> None:
    """Somebody wants no more messages over a channel, or wants them again: whoever has to know is told, and pages go
    on over the next channel."""
    who, channel = command.actor.key, command.channel
    if command.back:
        draft.record("opt-out", f"@{who} wants messages by {channel} again", command.actor)
        draft.state.opted_out = tuple(each for each in draft.state.opted_out if each != _name(who, channel))
        return
    for page in draft.state.pages.values():
        if page.is_open and _is_tried_by(draft, page, who, channel):
            escalation.climb(draft, page)
    opted_out(draft, who, channel)


def has_reached(draft: Draft, message: Message) -> None:
    """Somebody was sent a message. A STOP may have come before that was known: then their page goes on now."""
    page = draft.state.pages.get(message.page or 0)
    wants_none = _name(message.reached or "", message.channel) in draft.state.opted_out
    if wants_none and page is not None and page.is_open and message.id in page.trying:
        escalation.climb(draft, page)


def opted_out(draft: Draft, who: str, channel: ChannelName) -> None:
    """Put on the record, and report once, that somebody wants no messages over a channel."""
    if _name(who, channel) in draft.state.opted_out:
        return
    draft.state.opted_out += (_name(who, channel),)
    what = f"@{who} wants no messages by {channel}, and gets none"
    draft.record("opt-out", what)
    role = draft.plan.paging.troubles_to
    if role is not None:
        notices.tell(
            draft,
            Target(role=role),
            ("email", "sms"),
            "trouble",
            "trouble",
            None,
            f"{who} has opted out of {channel}",
            f"{what}. Other channels are used instead; a reply of START undoes it.",
        )


def _name(who: str, channel: ChannelName) -> str:
    return f"{who} {channel}"


def _is_tried_by(draft: Draft, page: Page, who: str, channel: ChannelName) -> bool:
    tried = [draft.state.messages[id] for id in page.trying]
    return any(message.reached == who and message.channel == channel for message in tried)
