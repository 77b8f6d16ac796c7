"""Suppliers in trouble: the channels that are out with them, what is used instead, and whose feeds are read meanwhile.

What happens when one is named down or up, and when it posts something, is in `tocsin.domain.outages`.
"""

from __future__ import annotations

from datetime import timedelta

from tocsin.domain.base import Moment, Value
from tocsin.domain.case import Case
from tocsin.domain.channel import ChannelName
from tocsin.domain.feeds import ReadFeed
from tocsin.domain.plan import Vendor
from tocsin.domain.state import Actor

LOOK_BACK = timedelta(hours=1)
"""How long before it was named down a vendor's post may be to count as news: vendors often know first."""


def down(case: Case) -> dict[str, Vendor]:
    """The vendors that are down, by the plan's name."""
    named = [name for name, known in case.state.vendors.items() if known.is_down]
    return {name: case.plan.vendors[name] for name in named if name in case.plan.vendors}


def closed(case: Case) -> frozenset[ChannelName]:
    """The channels that ride on a vendor that is down."""
    return frozenset(channel for vendor in down(case).values() for channel in vendor.carries)


def open_channels(case: Case, via: tuple[ChannelName, ...]) -> tuple[ChannelName, ...]:
    """Those of `via` that no outage has closed; where none is left, what the vendors' `instead` names; where that is
    closed as well, `via` itself: somebody who may not hear it is better than nobody."""
    shut = closed(case)
    left = tuple(channel for channel in via if channel not in shut)
    return left or _instead(case, via, shut) or via


def _instead(
    case: Case, via: tuple[ChannelName, ...], shut: frozenset[ChannelName]
) -> tuple[ChannelName, ...]:
    carriers = [vendor for vendor in down(case).values() if set(vendor.carries) & set(via)]
    named = dict.fromkeys(channel for vendor in carriers for channel in vendor.instead)
    return tuple(channel for channel in named if channel not in shut)


def why_closed(case: Case, channels: tuple[ChannelName, ...]) -> str:
    """Such as `Google Workspace is down`, of the vendors that carry any of these channels; empty when all are open."""
    titles = [vendor.title for vendor in down(case).values() if set(vendor.carries) & set(channels)]
    return f"{' and '.join(titles)} {'is' if len(titles) == 1 else 'are'} down" if titles else ""


class VendorView(Value):
    """A vendor that was named down: since when, until when, by whose word, and the channels that are out with it."""

    name: str
    title: str
    since: Moment
    until: Moment | None
    by: Actor
    closed: tuple[ChannelName, ...]


def views(case: Case) -> tuple[VendorView, ...]:
    """What people see of the vendors that were named down in this incident."""
    return tuple(
        VendorView(
            name=name,
            title=case.plan.vendors[name].title,
            since=known.since,
            until=known.until,
            by=known.by,
            closed=case.plan.vendors[name].carries if known.is_down else (),
        )
        for name, known in case.state.vendors.items()
        if name in case.plan.vendors
    )


def watches(case: Case) -> dict[str, ReadFeed]:
    """The feeds that are to be read, by vendor: of each that is down, while somebody still works on the incident."""
    if not case.state.is_open or case.state.phase is None:
        return {}
    return {
        name: _watch(case, name, vendor) for name, vendor in down(case).items() if vendor.feed is not None
    }


def _watch(case: Case, name: str, vendor: Vendor) -> ReadFeed:
    assert vendor.feed is not None
    known = case.state.vendors[name]
    return ReadFeed(
        vendor=name,
        url=vendor.feed.url,
        format=vendor.feed.format,
        every=vendor.feed.every,
        about=vendor.feed.about,
        since=known.since - LOOK_BACK,
        seen=known.seen,
        is_known_unreadable=known.unreadable,
    )
