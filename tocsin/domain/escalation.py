"""Paging: levels are climbed until somebody acknowledges. The end of the ladder is its beginning, never nobody."""

from __future__ import annotations

from tocsin.domain import naming
from tocsin.domain.case import Draft
from tocsin.domain.state import Acknowledgement, Actor, Message, Page, PageLevel, Target

REMEMBERED_TRIES = 20
"""How many messages of one page stay in the state, which has to fit into a workflow's payload."""


def open_page(
    draft: Draft,
    levels: tuple[PageLevel, ...],
    reason: str,
    obligation: str | None = None,
    assigns: str | None = None,
) -> Page:
    """Begin to page: the first rung is tried at once."""
    number = len(draft.state.pages) + 1
    page = Page(
        number=number,
        reason=reason,
        obligation=obligation,
        levels=levels,
        assigns=assigns,
        next_at=None,
        opened=draft.now,
    )
    draft.state.pages[number] = page
    climb(draft, page)
    return page


def climb(draft: Draft, page: Page) -> None:
    """Try the next rung: the next channel of this level, the next level, or the first again."""
    page.channel += 1
    if page.channel >= len(page.levels[page.level].via):
        page.channel, page.level = 0, page.level + 1
    if page.level >= len(page.levels):
        page.level, page.round = 0, page.round + 1
        draft.record("page", f"page {page.number}: nobody answered; round {page.round} begins")
    _try_rung(draft, page)


def _try_rung(draft: Draft, page: Page) -> None:
    level = page.levels[page.level]
    channel = level.via[page.channel]
    page.next_at = draft.now + draft.scaled(level.wait)
    _forget_old_tries(draft, page)
    message = Message(
        id=draft.next_message_id(),
        purpose="page",
        template="page",
        target=_whose_turn(page, level.target),
        channel=channel,
        page=page.number,
        obligation=page.obligation,
        subject=page.reason,
        created=draft.now,
    )
    draft.record(
        "page",
        f"page {page.number}: {channel} to {level.target} (level {page.level + 1}, round {page.round})",
    )
    draft.send(message)


def _forget_old_tries(draft: Draft, page: Page) -> None:
    """A page that rings for days keeps its newest messages only; the timeline has said what became of the others."""
    awaited = {errand.message for errand in draft.state.errands.values()}
    for id in _messages_of(draft, page)[:-REMEMBERED_TRIES]:
        if id not in awaited:
            del draft.state.messages[id]


def _whose_turn(page: Page, target: Target) -> Target:
    """Each round tries another holder of the role: the one before may be away."""
    return target.model_copy(update={"turn": page.round - 1}) if target.role else target


def climb_what_is_due(draft: Draft) -> None:
    """Every open page whose wait is over tries its next rung."""
    for page in draft.state.pages.values():
        if page.is_open and page.next_at is not None and page.next_at <= draft.now:
            climb(draft, page)


def rung_failed(draft: Draft, message: Message) -> None:
    """A page that could not be delivered climbs at once — but the last rung waits, lest a dead vendor spin it."""
    page = draft.state.pages.get(message.page or 0)
    if page is None or not page.is_open or message.id != _messages_of(draft, page)[-1]:
        return
    is_last_rung = page.level == len(page.levels) - 1 and page.channel == len(page.levels[page.level].via) - 1
    if not is_last_rung:
        climb(draft, page)


def _messages_of(draft: Draft, page: Page) -> list[str]:
    return [message.id for message in draft.state.messages.values() if message.page == page.number]


def acknowledge(draft: Draft, page: Page, by: Actor) -> None:
    """Somebody answered: the page ends, and they take the role that it gives, unless it is held."""
    page.acknowledged = Acknowledgement(by=by, at=draft.now)
    page.next_at = None
    code = naming.page_code(draft.state.id, page.number)
    draft.record("acknowledged", f"page {page.number} ({code}) acknowledged: {page.reason}", by)
    if page.assigns and page.assigns not in draft.state.roles:
        draft.state.roles[page.assigns] = by.key
        draft.record("assigned", f"@{by.key} is {draft.plan.roles[page.assigns].title}", by)


def end_open_pages(draft: Draft, why: str, of: str | None = None) -> None:
    """Nobody needs to answer any more: no page at all, or none on account of the obligation `of`."""
    for page in draft.state.pages.values():
        if page.is_open and of in {None, page.obligation}:
            page.ended, page.next_at = draft.now, None
            draft.record("page", f"page {page.number} ended: {why}")
