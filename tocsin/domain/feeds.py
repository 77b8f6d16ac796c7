"""What vendors say about their own trouble: the posts of a feed, and which of them are news."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal

from tocsin.domain.base import Moment, Value

FeedFormat = Literal["rss", "google"]

MOST_AT_ONCE = 5
"""How many posts one reading gives: the newest. A feed that is new to us must not flood those who are told."""

REMEMBERED_POSTS = 100
"""How many ids of posts are remembered, and how many of a feed's newest posts are looked at."""


class FeedUnreadable(Exception):
    """A feed could not be had, or makes no sense; the text says which, what is wrong, and never what is in it."""


class FeedPost(Value):
    """One post of a vendor. `topics` are words that say what it is about and stand neither in title nor text."""

    id: str
    title: str
    text: str
    link: str = ""
    published: Moment
    is_over: bool = False
    topics: tuple[str, ...] = ()

    def mentions(self, words: tuple[str, ...]) -> bool:
        """Whether one of the words, or all of its title, appears, as a whole word and in any case."""
        said = "\n".join((self.title, self.text, *self.topics))
        return any(
            re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", said, re.IGNORECASE) for word in words
        )


class ReadFeed(Value):
    """Ask for what is new in a vendor's feed: published `since` then, `about` these words, and not `seen` yet.

    It is looked at `every` so often. That it cannot be read is said once: not when it `is_known_unreadable`.
    """

    vendor: str
    url: str
    format: FeedFormat
    every: timedelta
    about: tuple[str, ...] = ()
    since: Moment
    seen: tuple[str, ...] = ()
    is_known_unreadable: bool = False


class FeedNews(Value):
    """What is new, oldest first; `seen` are the ids to be remembered. Or the `problem`, when it cannot be read.

    `over` ends the watch: nothing more will come.
    """

    posts: tuple[FeedPost, ...] = ()
    seen: tuple[str, ...] = ()
    problem: str = ""
    over: bool = False


def news_in(posts: tuple[FeedPost, ...], request: ReadFeed) -> FeedNews:
    """What of a feed's posts is new to whoever asked, whatever their order and however often each is there."""
    wanted = {
        post.id: post
        for post in posts
        if post.published >= request.since and (not request.about or post.mentions(request.about))
    }
    newest = sorted(wanted.values(), key=lambda post: post.published)[-REMEMBERED_POSTS:]
    new = tuple(post for post in newest if post.id not in request.seen)
    return FeedNews(
        posts=new[-MOST_AT_ONCE:], seen=remembered(request.seen, tuple(post.id for post in newest))
    )


def remembered(before: tuple[str, ...], now: tuple[str, ...]) -> tuple[str, ...]:
    """The ids to be remembered: what is in the feed now, and of what was there before as many as there is room for."""
    gone = tuple(id for id in before if id not in now)
    return (*gone, *now)[-REMEMBERED_POSTS:]
