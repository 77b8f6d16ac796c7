"""Reading what vendors post about their own trouble.

A watch may last for days, and most of the time there is nothing new. So an attempt that finds nothing fails, and names
the time of the next one: attempts leave no trace in a workflow's history, only the one that finds something does. The
activity fails with an `ApplicationError` of one of these types, and is tried again whichever it is:

    NothingNew   the feed says nothing that was not read before
    Unreadable   the feed cannot be read, which is on the record already
"""

from __future__ import annotations

from typing import Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.sending import in_short
from tocsin.domain.feeds import FeedFormat, FeedNews, FeedPost, FeedUnreadable, ReadFeed, news_in


class FeedReader(Protocol):
    """Reads a feed, wherever it is (`tocsin.feeds` has the one for HTTP)."""

    def read(self, url: str, format: FeedFormat) -> tuple[FeedPost, ...]:
        """Every post that is in the feed now. Raises `FeedUnreadable`."""


class FeedActivities:
    """The activity that waits for news in a feed."""

    def __init__(self, reader: FeedReader) -> None:
        self._reader = reader

    @activity.defn(name="read_feed")
    def read(self, request: ReadFeed) -> FeedNews:
        """What is new, once something is; or that the feed cannot be read, once. Fails as the module says."""
        try:
            posts = self._reader.read(request.url, request.format)
        except FeedUnreadable as error:
            if request.is_known_unreadable:
                # From None: of a failure that is tried again the server keeps 4 KiB, causes included.
                raise _later(request, in_short(str(error)), "Unreadable") from None
            return FeedNews(problem=str(error))
        news = news_in(posts, request)
        if not news.posts:
            raise _later(request, f"nothing new from {request.vendor}", "NothingNew")
        return news


class NoFeeds:
    """The stand-in where time is skipped: no vendor posts faster because of that, so every watch ends at once."""

    @activity.defn(name="read_feed")
    def read(self, request: ReadFeed) -> FeedNews:
        """Nothing, ever."""
        return FeedNews(over=True)


def _later(request: ReadFeed, why: str, kind: str) -> ApplicationError:
    return ApplicationError(
        why, type=kind, next_retry_delay=request.every, category=ApplicationErrorCategory.BENIGN
    )
