"""Telling an audience: who belongs to it, what each is sent, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from tocsin.domain import escalation, reports, vendors
from tocsin.domain.case import Case, Draft
from tocsin.domain.channel import ChannelName
from tocsin.domain.delivery import DeliveryReport, DeliveryState, forward
from tocsin.domain.duties import Duty
from tocsin.domain.events import Delivery, NotSent, RecipientsFound, Sent
from tocsin.domain.state import Errand, IncidentState, Message, Obligation, Target

TRY_AGAIN_AFTER = timedelta(minutes=1)
"""How long a message waits that no channel would take for now (not divided in a drill: vendors keep real time)."""

ATTEMPTS_AFTER_FAILURES = 8
"""How often a message is sent that a vendor took and gave up for now: over two hours, each wait twice the last."""

GOT_THROUGH = frozenset({DeliveryState.DELIVERED, DeliveryState.ANSWERED})
GIVEN_UP = frozenset({DeliveryState.FAILED, DeliveryState.NO_ANSWER})
_ON_ITS_WAY = frozenset({DeliveryState.SENT, DeliveryState.FAILED_FOR_NOW})
"""What a vendor that took a message may still deliver."""

Purpose = Literal["page", "notice", "report", "invitation", "reminder", "refusal", "approval", "trouble"]


def audience_of(case: Case, audience: str) -> Target:
    """An audience as a target: of the incident's customer, where it is the customer's."""
    of_customer = case.plan.audiences[audience].of == "customer"
    return Target(audience=audience, customer=case.state.customer if of_customer else None)


def subject_of(case: Case, obligation: Obligation, duty: Duty) -> str:
    """What stands over a notice or a report: the promise's title, or the report's with the incident's."""
    if duty.report is not None:
        return reports.title_of(case, duty.report.report, obligation.occurrence)
    return case.plan.obligation(obligation.spec).title


def find_recipients(draft: Draft, audience: str, obligation: str, duty: int) -> None:
    """Ask the directory who belongs to an audience."""
    find(draft, audience_of(draft, audience), obligation, duty)


def find(draft: Draft, whom: Target, obligation: str, duty: int) -> None:
    """Ask the directory who is meant: the members of an audience, or everybody who holds a role."""
    errand = Errand(
        id=f"find-{obligation}-{duty}-{whom.audience or whom}",
        kind="find_recipients",
        audience=whom,
        obligation=obligation,
        duty=duty,
    )
    draft.ask(errand)


def tell(
    draft: Draft,
    target: Target,
    via: tuple[ChannelName, ...],
    purpose: Purpose,
    template: str,
    obligation: str | None = None,
    subject: str = "",
    text: str = "",
    *,
    wording: str | None = None,
    approval: int | None = None,
    wait: timedelta | None = None,
) -> Message:
    """Send one message to one target, over the first channel that is open, with the others to fall back on: also when
    it was taken, and not delivered within `wait`."""
    ways = _ways(draft, target, via, purpose)
    message = Message(
        id=draft.next_message_id(),
        purpose=purpose,
        template=template,
        target=target,
        channel=ways[0],
        fallbacks=ways[1:],
        obligation=obligation,
        subject=subject,
        text=text,
        wording=wording,
        approval=approval,
        wait=wait,
        created=draft.now,
    )
    return draft.send(message)


def _ways(
    draft: Draft, target: Target, via: tuple[ChannelName, ...], purpose: Purpose
) -> tuple[ChannelName, ...]:
    """Around what an outage has closed; but only mail can carry an invitation, which no calendar takes from a voice."""
    if purpose == "invitation":
        return via
    ways = vendors.open_channels(draft, via)
    if ways[0] != via[0]:
        draft.record(
            "detour", f"{ways[0]} instead of {via[0]} to {target}, because {vendors.why_closed(draft, via)}"
        )
    return ways


def sent(draft: Draft, event: Sent) -> None:
    """A vendor took the message. Its delivery may have been reported already: callbacks overtake answers."""
    message = draft.state.messages[event.message]
    message.reached, message.vendor_id, message.sent = event.reached, event.vendor_id, draft.now
    message.vendor, message.segments = event.vendor or None, event.segments
    message.state = forward(message.state, DeliveryState.SENT)
    message.retry_at = None
    if message.wait is not None and message.fallbacks and message.state in _ON_ITS_WAY:
        message.moves_on_at = draft.now + message.wait
    draft.record("sent", f"{message.channel} {message.id} to @{event.reached} ({message.target})")
    escalation.has_left(draft, message)
    if message.purpose == "report":
        draft.state.reports_sent[message.obligation or message.template] = draft.now
    if event.note:
        message.lacks = event.note
        draft.record("rendering", f"{message.channel} {message.id}: {event.note}")


def not_sent(draft: Draft, event: NotSent) -> None:
    """A message could not be handed over: its next channel is tried, or the same one again after a while."""
    message = draft.state.messages[event.message]
    message.detail = event.detail
    draft.record("not sent", f"{message.channel} {message.id} to {message.target}: {event.detail}")
    if event.again == "never":
        _fail(draft, message)
    elif message.fallbacks or message.succeeded_by or message.purpose == "page":
        message.state = forward(message.state, DeliveryState.FAILED_FOR_NOW)
        _move_on(draft, message)
    else:
        message.state = forward(message.state, DeliveryState.FAILED_FOR_NOW)
        message.retry_at = draft.now + TRY_AGAIN_AFTER


def delivery_reported(draft: Draft, event: Delivery) -> None:
    """The vendor says how far the message has come; late, doubled and disordered reports change nothing, nor do those
    of a send that no longer counts."""
    message = draft.state.messages.get(event.message)
    if message is None or _is_about_another_send(message, event.report):
        return
    before, message.state = message.state, forward(message.state, event.report.state)
    if message.state is before:
        return
    message.retry_at = None
    message.reached = message.reached or event.reached or None
    draft.record("delivery", _in_words(message, event.report))
    if message.state in GOT_THROUGH:
        message.delivered, message.moves_on_at = min(event.report.at, draft.now), None
    if message.state in GIVEN_UP or _is_page_in_trouble(message):
        message.detail = event.report.detail
        _move_on(draft, message)
    elif message.state is DeliveryState.FAILED_FOR_NOW and not event.report.is_tried_on:
        message.detail = event.report.detail
        _try_again_later(draft, message)


def _is_about_another_send(message: Message, report: DeliveryReport) -> bool:
    """Whether a vendor gave up what it took in an attempt that was followed by another. That it arrived, or that
    somebody answered, is true of the message whichever attempt it was."""
    if report.state in GOT_THROUGH or not (report.vendor_id and message.vendor_id and message.vendor):
        return False
    # `twilio-2` is an account, and `twilio` the vendor of both.
    if message.vendor.partition("-")[0] != report.vendor:
        return False
    is_known = report.vendor_id == message.vendor_id
    # While it is sent again, the name on record is that of the attempt before.
    return is_known if message.state is DeliveryState.QUEUED else not is_known


def _try_again_later(draft: Draft, message: Message) -> None:
    """The vendor has given it up and the cause passes: what has no other channel is sent again, ever less often."""
    if message.fallbacks:
        repeat(draft, message, message.fallbacks)
    elif message.attempt < ATTEMPTS_AFTER_FAILURES:
        message.retry_at = draft.now + TRY_AGAIN_AFTER * 2 ** (message.attempt - 1)


def _is_page_in_trouble(message: Message) -> bool:
    """A phone that is switched off may be on again later; a page does not wait for that."""
    return message.purpose == "page" and message.state is DeliveryState.FAILED_FOR_NOW


def _in_words(message: Message, report: DeliveryReport) -> str:
    detail = f": {report.detail}" if report.detail else ""
    return f"{message.channel} {message.id} to {whom(message)} {report.state.replace('_', ' ')}{detail}"


def whom(message: Message) -> str:
    """Whom a message went to: the person, once that is known, and before that its target."""
    key = message.reached or message.target.member or message.target.person
    return f"@{key}" if key else str(message.target)


def retry_what_is_due(draft: Draft) -> None:
    """Messages that no channel would take for now are handed over once more."""
    for message in list(draft.state.messages.values()):
        if message.retry_at is not None and message.retry_at <= draft.now:
            message.retry_at = None
            message.attempt += 1
            message.state = DeliveryState.QUEUED
            draft.send(message)


def move_on_when_due(draft: Draft) -> None:
    """What a vendor took and did not deliver in its time goes over the next channel as well; the wait is not divided in
    a drill either."""
    for message in list(draft.state.messages.values()):
        if message.moves_on_at is not None and message.moves_on_at <= draft.now:
            message.moves_on_at = None
            draft.record(
                "undelivered",
                f"{message.channel} {message.id} to {whom(message)}: not delivered so far, so "
                f"{message.fallbacks[0]} is tried as well",
            )
            _move_on(draft, message)


def _fail(draft: Draft, message: Message) -> None:
    message.state = forward(message.state, DeliveryState.FAILED)
    _move_on(draft, message)


def _move_on(draft: Draft, message: Message) -> None:
    if message.succeeded_by is not None:
        return
    if message.purpose == "page":
        escalation.rung_failed(draft, message)
    elif message.fallbacks:
        repeat(draft, message, message.fallbacks)


def repeat(draft: Draft, message: Message, via: tuple[ChannelName, ...]) -> None:
    """Say the same to the same target over other channels; what comes of that counts for this message."""
    successor = tell(
        draft,
        message.target,
        via,
        message.purpose,
        message.template,
        message.obligation,
        message.subject,
        message.text,
        wording=message.wording,
        approval=message.approval,
        wait=message.wait,
    )
    message.succeeded_by, message.retry_at, message.moves_on_at = successor.id, None, None


def got_through(state: IncidentState, message_id: str) -> Message | None:
    """The message that reached its target: this one, or one that took its place; `None` while there is none."""
    return next((each for each in _and_after(state, message_id) if each.state in GOT_THROUGH), None)


def returned(state: IncidentState, message_id: str) -> Message | None:
    """The message that had arrived and was returned: this one, or one that took its place; `None` if none was."""
    each_of_them = _and_after(state, message_id)
    return next((each for each in each_of_them if each.delivered and each.state not in GOT_THROUGH), None)


def last_of(state: IncidentState, message_id: str) -> Message:
    """The message that took the place of the one that took its place, and so on; the message itself if none did."""
    return list(_and_after(state, message_id))[-1]


def _and_after(state: IncidentState, message_id: str) -> Iterator[Message]:
    """A message, the one that took its place, and so on."""
    next_id: str | None = message_id
    while next_id is not None:
        message = state.messages[next_id]
        yield message
        next_id = message.succeeded_by


def recipients_found(draft: Draft, event: RecipientsFound, errand: Errand) -> tuple[Target, ...]:
    """The members of the audience that was looked for, as targets; none is put on the record as a failure."""
    audience = errand.audience
    assert audience is not None
    if not event.members:
        of = f" of customer {audience.customer}" if audience.customer else ""
        draft.record("nobody", f"the directory has nobody for {audience}{of}")
    if audience.audience is None:
        return tuple(Target(person=member.key) for member in event.members)
    return tuple(audience.model_copy(update={"member": member.key}) for member in event.members)
