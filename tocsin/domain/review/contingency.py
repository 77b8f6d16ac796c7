"""What is left when a supplier is down and takes its channels along."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.domain.channel import ChannelName
from tocsin.domain.directory import Contact
from tocsin.domain.duties import Duty, Level
from tocsin.domain.plan import Path, Vendor
from tocsin.domain.review.finding import Finding, advice, error, listed
from tocsin.domain.review.subject import Promise, Subject, audiences_of, reached_by


def stranded_channels(subject: Subject) -> Iterator[Finding]:
    """Vendors that carry every channel of a promise, and no way round them that everybody has."""
    for name, vendor in subject.plan.vendors.items():
        stranded = [promise for promise in subject.promises if _is_stranded(promise, vendor)]
        if not stranded:
            continue
        if set(vendor.instead) <= set(vendor.carries):
            yield _no_way_round(name, vendor, stranded)
        else:
            yield from _not_for_everybody(subject, name, vendor, stranded)


def _is_stranded(promise: Promise, vendor: Vendor) -> bool:
    return any(
        set(_channels_of(duty)) <= set(vendor.carries) for duty in promise.spec.do if _channels_of(duty)
    )


def _channels_of(duty: Duty) -> tuple[ChannelName, ...]:
    """The channels over which a duty reaches people; an invitation needs email, whatever happens to that."""
    if duty.page is not None:
        return tuple(channel for level in duty.page.levels for channel in level.via)
    return duty.telling.via if duty.telling is not None else ()


def _no_way_round(name: str, vendor: Vendor, stranded: list[Promise]) -> Finding:
    path: Path = ("vendors", name, "instead") if vendor.instead else ("vendors", name)
    kept = listed([f'"{promise.spec.id}"' for promise in stranded])
    return error(
        path,
        f"{vendor.title} carries {listed(list(vendor.carries))}, over which alone {kept} can be kept, and has no other "
        f"channel `instead`: while it is down nobody is reached; name some, such as `instead: [sms, phone]`",
    )


def _not_for_everybody(
    subject: Subject, name: str, vendor: Vendor, stranded: list[Promise]
) -> Iterator[Finding]:
    """Those whom the channels that stand in can't reach, either."""
    left = tuple(channel for channel in vendor.instead if channel not in vendor.carries)
    lost: dict[str, None] = {}
    for promise in stranded:
        for duty in promise.spec.do:
            if _channels_of(duty) and set(_channels_of(duty)) <= set(vendor.carries):
                lost |= {key: None for key, person in _reached(subject, duty) if not reached_by(person, left)}
    if lost:
        yield advice(
            ("vendors", name, "instead"),
            f"{listed(list(lost))} can't be reached by {listed(list(left))}, which stand in while {vendor.title} is "
            f"down; give them a number in the directory, or another channel here",
        )


def _reached(subject: Subject, duty: Duty) -> Iterator[tuple[str, Contact]]:
    for audience in audiences_of(duty):
        yield from subject.members(audience)
    for level in duty.page.levels if duty.page is not None else ():
        yield from _paged(subject, level)


def _paged(subject: Subject, level: Level) -> Iterator[tuple[str, Contact]]:
    people = subject.directory.people
    for key, holder in subject.holders(level.role or level.supervisor_of or "").items():
        if level.role is not None:
            yield key, holder
        elif holder.supervisor in people:
            yield holder.supervisor, people[holder.supervisor]
