"""Suppliers named down and up again, by people, criteria and alerts, and what they post meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tocsin.domain import clocks, escalation, notices, vendors
from tocsin.domain.case import Case, Draft
from tocsin.domain.channel import ChannelName
from tocsin.domain.commands import CommandRefused, NameVendor
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.duties import NotifyDuty, ObligationSpec
from tocsin.domain.events import Alert, FeedRead, VendorPost
from tocsin.domain.feeds import remembered
from tocsin.domain.plan import Vendor
from tocsin.domain.state import Actor, Message, Target, VendorState

UNDER_WAY = frozenset({DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.FAILED_FOR_NOW})
"""The states of a message of which nobody knows that it arrived."""

# Down and up


def name_vendor(draft: Draft, command: NameVendor) -> None:
    """Somebody says that a vendor is down, or up again. Raises `CommandRefused`."""
    vendor = draft.plan.vendors.get(command.vendor)
    if vendor is None:
        known = ", ".join(draft.plan.vendors) or "none"
        raise CommandRefused(f'the plan has no vendor "{command.vendor}"; its vendors are {known}')
    if command.is_down is (command.vendor in vendors.down(draft)):
        raise CommandRefused(f"{vendor.title} is {'down' if command.is_down else 'up'} already")
    if command.is_down:
        _go_down(draft, command.vendor, command.actor, command.reason)
    else:
        _come_up(draft, command)


def name_by_criteria(draft: Draft, criteria: Iterable[str], by: Actor) -> None:
    """The vendors that these criteria say are down, are; those already down stay so."""
    for name in criteria:
        vendor = draft.plan.criteria[name].vendor if name in draft.plan.criteria else None
        if vendor is not None and _is_up(draft, vendor):
            _go_down(draft, vendor, by, draft.plan.criteria[name].title)


def name_by_alert(draft: Draft, alert: Alert) -> None:
    """The vendors that an alert names are down, or that its criteria name; but a repeat of what was heard before does
    not contradict whoever has said since that they are up."""
    known = {name for name, state in draft.state.alerts.items() if state.firing}
    if not any(firing and name not in known for name, firing in alert.alerts.items()):
        return
    monitor = Actor(key=alert.source, via="monitor")
    for vendor in alert.vendors:
        if _is_up(draft, vendor):
            _go_down(draft, vendor, monitor, alert.title)
    name_by_criteria(draft, alert.criteria, monitor)


def name_from_the_start(draft: Draft) -> None:
    """The vendors that were down when the incident was reported, by name or by its criteria, are put on the record."""
    name_by_criteria(draft, draft.state.criteria, draft.state.reporter)
    for name in vendors.down(draft):
        _record_down(draft, name, draft.state.vendors[name].by, "as it was reported")


def _is_up(case: Case, vendor: str) -> bool:
    return vendor in case.plan.vendors and vendor not in vendors.down(case)


def _go_down(draft: Draft, name: str, by: Actor, reason: str) -> None:
    draft.state.vendors[name] = VendorState(since=draft.now, by=by)
    if draft.state.phase is not None:  # before that nothing is recorded, and nothing is under way
        _record_down(draft, name, by, reason)
        _leave_what_is_closed(draft)


def _record_down(draft: Draft, name: str, by: Actor, reason: str) -> None:
    because = f" ({reason})" if reason else ""
    draft.record("vendor", f"{draft.plan.vendors[name].title} is down{because}{_means(draft, name)}", by)


def _means(draft: Draft, name: str) -> str:
    vendor = draft.plan.vendors[name]
    if not vendor.carries:
        return ""
    others = vendors.open_channels(draft, vendor.carries)
    instead = f"; where nothing else is left, {_listed(others)}" if others != vendor.carries else ""
    return f": {_listed(vendor.carries)} is not used meanwhile{instead}"


def _listed(channels: tuple[ChannelName, ...]) -> str:
    return " and ".join(channels)


def _come_up(draft: Draft, command: NameVendor) -> None:
    known = draft.state.vendors[command.vendor]
    draft.state.vendors[command.vendor] = known.model_copy(update={"until": draft.now})
    because = f" ({command.reason})" if command.reason else ""
    draft.record("vendor", f"{draft.plan.vendors[command.vendor].title} is up again{because}", command.actor)


# What was under way


def _leave_what_is_closed(draft: Draft) -> None:
    """What is not known to have arrived goes over another channel at once; what has arrived stays as it is."""
    shut = vendors.closed(draft)
    for message in list(draft.state.messages.values()):
        if message.channel in shut and _may_move(message):
            _move(draft, message)
    escalation.leave_what_is_closed(draft)


def _may_move(message: Message) -> bool:
    if message.purpose in {"page", "invitation"}:
        return False  # pages climb; only mail carries invitations
    return message.state in UNDER_WAY and message.succeeded_by is None


def _move(draft: Draft, message: Message) -> None:
    via = vendors.open_channels(draft, message.fallbacks or (message.channel,))
    if via[0] in vendors.closed(draft):
        return
    why = vendors.why_closed(draft, (message.channel,))
    draft.record(
        "detour", f"{message.channel} {message.id} to {notices.whom(message)} goes by {via[0]}, because {why}"
    )
    if twin := _twin(draft, message, via[0]):
        message.succeeded_by, message.retry_at = twin.id, None
    else:
        notices.repeat(draft, message, via)


def _twin(draft: Draft, message: Message, channel: ChannelName) -> Message | None:
    """The same words to the same target that went over that channel anyway: nobody is called twice for them."""
    for other in draft.state.messages.values():
        is_there = other.channel == channel and other.succeeded_by is None
        if is_there and other.state not in notices.GIVEN_UP and _words(other) == _words(message):
            return other
    return None


def _words(message: Message) -> tuple[object, ...]:
    return (
        message.purpose,
        message.template,
        message.target,
        message.obligation,
        message.subject,
        message.text,
    )


# What they post


def posted(draft: Draft, post: VendorPost) -> None:
    """A vendor has posted something: it goes on the record, once, and to those who are kept up to date.

    A post that says that it is over proves nothing about us: a person says that the vendor is up.
    """
    known = draft.state.vendors.get(post.vendor)
    vendor = vendors.down(draft).get(post.vendor)
    if known is None or vendor is None or not draft.state.is_open or post.id in known.seen:
        return
    _remember(draft, post.vendor, (post.id,))
    text = _in_words(post)
    draft.record("update", f"{vendor.title}: {text}", Actor(key=post.vendor, via="monitor"))
    if post.is_over:
        command = f"tocsin vendor {draft.state.reference} {post.vendor} up"
        draft.record("vendor", f"{vendor.title} says that it is over; once that holds for us: {command}")
    _pass_on(draft, vendor, text)


def _in_words(post: VendorPost) -> str:
    said = " — ".join(filter(None, (post.title, post.text)))
    return f"{said} ({post.link})" if post.link else said


def feed_read(draft: Draft, event: FeedRead) -> None:
    """A feed was read, or cannot be: that is said once for each outage, and it goes on being tried."""
    known, vendor = draft.state.vendors.get(event.vendor), draft.plan.vendors.get(event.vendor)
    if known is None or vendor is None:
        return
    _remember(draft, event.vendor, event.seen)
    if event.problem and not known.unreadable:
        draft.record(
            "vendor", f"the feed of {vendor.title} cannot be read, and is tried again: {event.problem}"
        )
        known = draft.state.vendors[event.vendor]
        draft.state.vendors[event.vendor] = known.model_copy(update={"unreadable": True})


def _remember(draft: Draft, vendor: str, seen: tuple[str, ...]) -> None:
    known = draft.state.vendors[vendor]
    draft.state.vendors[vendor] = known.model_copy(update={"seen": remembered(known.seen, seen)})


def _pass_on(draft: Draft, vendor: Vendor, text: str) -> None:
    """Tell those whom running status notices have told already; beside the notices' own clock, and once each."""
    told: set[Target] = set()
    for spec in draft.plan.obligations:
        for duty, target, via in _status_readers(draft, spec):
            if target not in told:
                told.add(target)
                subject = f"Update from {vendor.title}"
                notices.tell(draft, target, via, "notice", duty.message, None, subject, text)


def _status_readers(
    case: Case, spec: ObligationSpec
) -> Iterator[tuple[NotifyDuty, Target, tuple[ChannelName, ...]]]:
    """Whom a running series of notices has told, and over which channels."""
    if not spec.recurs or clocks.ended(case, spec):
        return
    rounds = [item for item in case.state.obligations.values() if item.spec == spec.id]
    for index, duty in enumerate(spec.do):
        if duty.notify is not None:
            refs = [ref for item in rounds for ref in item.duties[index].refs]
            for target, via in _told(case, refs).items():
                yield duty.notify, target, via


def _told(case: Case, refs: list[str]) -> dict[Target, tuple[ChannelName, ...]]:
    told: dict[Target, tuple[ChannelName, ...]] = {}
    for message in (case.state.messages[ref] for ref in refs if ref in case.state.messages):
        if notices.last_of(case.state, message.id).sent is not None:
            ways = (*told.get(message.target, ()), message.channel, *message.fallbacks)
            told[message.target] = tuple(dict.fromkeys(ways))
    return told
