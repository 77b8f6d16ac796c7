"""Watching the feeds of vendors that are down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.feeds import FeedActivities
    from tocsin.domain.events import Event, FeedRead, VendorPost
    from tocsin.domain.feeds import FeedNews, ReadFeed
    from workflows import limits


class Watches:
    """One watch for each feed that the state wants read; those it no longer wants are cancelled.

    Each reading begins where the state says that the last one ended, so a run that continues as new, or a worker that
    starts again, misses nothing and repeats nothing.
    """

    def __init__(self, happen: Callable[[Event], None], ended: Callable[[asyncio.Task[None]], None]) -> None:
        self._happen = happen
        self._ended = ended
        self._wanted: Mapping[str, ReadFeed] = {}
        self._running: dict[str, tuple[datetime, asyncio.Task[None]]] = {}

    def set(self, wanted: Mapping[str, ReadFeed]) -> None:
        """Start and cancel watches until exactly the wanted ones run. One that is over stays so."""
        self._wanted = wanted
        for vendor, (since, task) in list(self._running.items()):
            if vendor not in wanted or wanted[vendor].since != since:
                task.cancel()
                del self._running[vendor]
        for vendor, watch in wanted.items():
            if vendor not in self._running:
                task = asyncio.create_task(self._watch(vendor))
                task.add_done_callback(self._ended)
                self._running[vendor] = (watch.since, task)

    async def _watch(self, vendor: str) -> None:
        """Read again and again; a feed that has always something new is not asked more often for that."""
        while True:
            watch = self._wanted[vendor]
            news = await self._read(watch)
            if news is None or news.over:
                return
            for event in _events_of(vendor, news):
                self._happen(event)
            await workflow.sleep(watch.every, summary=f"the feed of {vendor} is read again")

    async def _read(self, watch: ReadFeed) -> FeedNews | None:
        """What is new, however long that takes; `None` when the watch was cancelled."""
        try:
            return await workflow.execute_activity_method(
                FeedActivities.read,
                watch,
                start_to_close_timeout=limits.FEED_ATTEMPT,
                retry_policy=limits.feed_retry(watch.every),
                priority=limits.FEED_PRIORITY,
                summary=f"waits for news from {watch.vendor}, looks every {watch.every}",
            )
        except ActivityError as error:
            if not is_cancelled_exception(error):
                raise
            return None


def _events_of(vendor: str, news: FeedNews) -> Iterator[Event]:
    for post in news.posts:
        yield VendorPost(
            vendor=vendor,
            id=post.id,
            title=post.title,
            text=post.text,
            link=post.link,
            published=post.published,
            is_over=post.is_over,
        )
    yield FeedRead(vendor=vendor, seen=news.seen, problem=news.problem)
