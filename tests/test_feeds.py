"""Vendors' feeds: what AWS and Google publish is understood, and what nobody should publish does no harm."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.exceptions import ApplicationError

from activities.feeds import FeedActivities, NoFeeds
from tests.newsstand import Newsstand, at, item, opened, rss
from tocsin.domain.feeds import (
    MOST_AT_ONCE,
    REMEMBERED_POSTS,
    FeedPost,
    FeedUnreadable,
    ReadFeed,
    news_in,
)
from tocsin.feedformats import TEXT_LENGTH, parse
from tocsin.feeds import HttpFeeds

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
URL = "https://www.example.com/appsstatus/dashboard/incidents.json"


@pytest.fixture
def stand() -> Iterator[Newsstand]:
    with opened() as stand:
        yield stand


def watch(url: str = URL, **words: Any) -> ReadFeed:
    usual = {"vendor": "clouds", "format": "rss", "every": timedelta(minutes=5), "since": NOON}
    return ReadFeed(url=url, **{**usual, **words})


# ---- RSS, as the AWS Health Dashboard writes it ----


def test_an_update_of_aws_is_a_post_with_its_time_in_utc():
    [post] = parse(
        rss(
            item("ec2-us-east-1_1639599392", "Wed, 15 Dec 2021 12:16:32 PST", text="Packet loss.<br>We look.")
        ),
        "rss",
        URL,
    )
    assert post.id == "https://status.example.com/#ec2-us-east-1_1639599392"
    assert post.published == datetime(2021, 12, 15, 20, 16, 32, tzinfo=UTC)
    assert (post.title, post.text) == ("Service disruption: Errors", "Packet loss.\nWe look.")
    assert post.link == "https://status.example.com/"
    assert not post.is_over


@pytest.mark.parametrize(
    "title",
    [
        "Service is operating normally: [RESOLVED] Internet Connectivity",
        "Resolved: Informational message: Recovery underway",
        "[RESOLVED] Increased Error Rates",
    ],
)
def test_what_aws_says_when_it_is_over_is_understood(title):
    [post] = parse(rss(item("s3", at(NOON), title)), "rss", URL)
    assert post.is_over


def test_an_item_without_a_guid_has_an_id_all_the_same():
    items = item("s3", at(NOON)) + item("s3", at(NOON)) + item("s3", at(NOON + timedelta(minutes=1)))
    without = items.replace('<guid isPermaLink="false">https://status.example.com/#s3</guid>', "")
    first, second, third = parse(rss(without), "rss", URL)
    assert first.id == second.id != third.id


@pytest.mark.parametrize(
    "written", ["Tue, 24 Nov 2026 12:00:00 -0000", "2026-11-24T12:00:00Z", "2026-11-24 12:00"]
)
def test_times_are_understood_in_the_ways_that_feeds_write_them(written):
    [post] = parse(rss(item("s3", written)), "rss", URL)
    assert post.published == NOON


def test_an_item_that_makes_no_sense_is_passed_over():
    posts = parse(rss(item("a", "yesterday"), item("b", at(NOON))), "rss", URL)
    assert [post.id[-1] for post in posts] == ["b"]


def test_a_text_is_plain_bounded_and_mentions_nobody():
    hostile = "<script>alert(1)</script>Ask @@dana or @dana, or desk@example.com\u202e " + "x" * 5_000
    [post] = parse(rss(item("a", at(NOON), text=hostile)), "rss", URL)
    assert post.text.startswith("alert(1)Ask dana or dana, or desk@example.com x")
    assert len(post.text) == TEXT_LENGTH


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "ftp://example.com/", "https://example.com/" + "x" * 500]
)
def test_a_link_that_is_none_is_left_out(link):
    feed = rss(item("a", at(NOON))).replace(b"https://status.example.com/<", link.encode() + b"<")
    [post] = parse(feed, "rss", URL)
    assert post.link == ""


BILLION_LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
<rss><channel><item><title>&b;</title></item></channel></rss>"""
OTHER_FILE = (
    b"""<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss>&a;</rss>"""
)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "it is no XML"),
        (b"<html><body>502 Bad Gateway</body></html>", "its root is not <rss>"),
        (b"<rss><channel><item>", "it is no XML"),
        (b'<?xml version="1.0" encoding="unheard-of"?><rss/>', "it is no XML"),
        (b"<rss><a>" * 100_000, "it is no XML"),
        (BILLION_LAUGHS, "it has a DTD"),
        (OTHER_FILE, "it has a DTD"),
        (rss(item("a", "yesterday")), "none of its entries makes sense"),
    ],
)
def test_what_is_no_feed_is_refused_with_the_reason(body, why):
    with pytest.raises(FeedUnreadable, match=why):
        parse(body, "rss", URL)


# ---- Google's list of incidents ----


def incident(**words: Any) -> dict[str, Any]:
    """An incident as Google publishes it."""
    return {
        "id": "5fGQt4VbkDnr3Yp8PXPr",
        "number": "10294751021239391360",
        "begin": "2026-11-24T11:30:00+00:00",
        "created": "2026-11-24T12:05:00+00:00",
        "modified": "2026-11-24T12:40:00+00:00",
        "external_desc": "Gmail delivers **late**.\n\nMore follows.",
        "updates": [
            {
                "created": "2026-11-24T12:40:00+00:00",
                "modified": "2026-11-24T12:40:00+00:00",
                "when": "2026-11-24T12:40:00+00:00",
                "text": "**Summary**\nMail is delivered late.",
                "status": "SERVICE_DISRUPTION",
                "affected_locations": [],
            },
            {
                "created": "2026-11-24T12:05:00+00:00",
                "modified": "2026-11-24T12:05:00+00:00",
                "when": "2026-11-24T12:05:00+00:00",
                "text": "We are investigating.",
                "status": "SERVICE_DISRUPTION",
                "affected_locations": [],
            },
        ],
        "most_recent_update": {
            "when": "2026-11-24T12:40:00+00:00",
            "text": "…",
            "status": "SERVICE_DISRUPTION",
        },
        "status_impact": "SERVICE_DISRUPTION",
        "severity": "medium",
        "service_key": "prPt2Yra2CbGsbEm9cpC",
        "service_name": "Gmail",
        "affected_products": [{"title": "Gmail", "id": "prPt2Yra2CbGsbEm9cpC"}],
        "uri": "incidents/5fGQt4VbkDnr3Yp8PXPr",
        "currently_affected_locations": [],
        **words,
    }


def google(*incidents: Any) -> tuple[FeedPost, ...]:
    return parse(json.dumps(incidents).encode(), "google", URL)


def test_each_update_of_an_incident_of_google_is_a_post():
    newest, first = google(incident())
    assert first.id == "5fGQt4VbkDnr3Yp8PXPr/2026-11-24T12:05:00+00:00"
    assert newest.title == "Gmail: Gmail delivers **late**."
    assert newest.text == "**Summary**\nMail is delivered late."
    assert newest.link == "https://www.example.com/appsstatus/dashboard/incidents/5fGQt4VbkDnr3Yp8PXPr"
    assert newest.mentions(("gmail",))
    assert not newest.is_over, "it has no end"


@pytest.mark.parametrize("ending", [{"end": "2026-11-24T12:40:00+00:00"}, {"status": "AVAILABLE"}])
def test_an_incident_of_google_is_over_with_its_end_or_when_the_service_is_available(ending):
    ended = incident(**ending)
    if "status" in ending:
        ended["updates"][0]["status"] = "AVAILABLE"
    newest, first = google(ended)
    assert newest.is_over
    assert not first.is_over


def test_incidents_in_a_shape_that_we_do_not_know_are_passed_over():
    posts = google({"id": 1}, "?", incident(end=""), incident(id="other", updates=[], uri=""))
    assert len(posts) == 2


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{}", "no list of incidents"),
        (b"<html>", "no list of incidents"),
        (b"[" * 100_000, "no list of incidents"),
        (b'[{"id": 1}]', "none of its entries makes sense"),
    ],
)
def test_what_is_no_list_of_incidents_is_refused(body, why):
    with pytest.raises(FeedUnreadable, match=why):
        parse(body, "google", URL)


def test_a_list_without_incidents_is_good_news():
    assert google() == ()


@given(st.binary(max_size=300), st.sampled_from(["rss", "google"]))
def test_no_bytes_at_all_do_more_than_be_refused(body, format):
    with suppress(FeedUnreadable):
        parse(body, format, URL)


# ---- what is news ----


def said(id: str, minutes: int = 1, **words: Any) -> FeedPost:
    usual = {"title": "Errors", "text": "", "published": NOON + timedelta(minutes=minutes)}
    return FeedPost(id=id, **{**usual, **words})


def test_news_come_once_and_oldest_first_whatever_their_order_in_the_feed():
    posts = (said("c", 3), said("a", 1), said("c", 3), said("old", -1), said("b", 2))
    news = news_in(posts, watch(seen=("b",)))
    assert [post.id for post in news.posts] == ["a", "c"]
    assert news.seen == ("a", "b", "c")


def test_a_flood_gives_its_newest_and_the_rest_counts_as_read():
    posts = tuple(said(f"post {number}", number) for number in range(50))
    news = news_in(posts, watch())
    assert [post.id for post in news.posts] == [f"post {number}" for number in range(45, 50)]
    assert len(news.posts) == MOST_AT_ONCE
    assert news_in(posts, watch(seen=news.seen)).posts == ()


def test_a_feed_with_more_posts_than_are_remembered_repeats_none():
    posts = tuple(said(f"post {number}", number) for number in range(1_000))
    seen = news_in(posts, watch(seen=("old",))).seen
    assert len(seen) == REMEMBERED_POSTS
    assert news_in(posts, watch(seen=seen)).posts == ()
    [late] = news_in((said("late", 999), *posts), watch(seen=seen)).posts
    assert late.id == "late"


@pytest.mark.parametrize(
    ("words", "is_taken"),
    [
        (("EC2",), True),
        (("us-east-1",), True),
        (("east",), True),
        (("s3", "ec2"), True),
        (("us-east-11",), False),
        (("c2",), False),
    ],
)
def test_only_what_is_about_the_plans_words_is_news(words, is_taken):
    [post] = parse(rss(item("ec2-us-east-1_1639599392", at(NOON))), "rss", URL)
    assert bool(news_in((post,), watch(about=words)).posts) is is_taken


# ---- over HTTP ----


def test_a_feed_that_has_not_changed_is_not_fetched_again(stand):
    stand.prints(item("a", at(NOON)))
    feeds = HttpFeeds()
    first = feeds.read(stand.url, "rss")
    assert feeds.read(stand.url, "rss") == first
    assert (stand.asked, stand.unchanged) == (2, 1)

    stand.prints(item("b", at(NOON)), item("a", at(NOON)))
    assert len(feeds.read(stand.url, "rss")) == 2
    assert (stand.asked, stand.unchanged) == (3, 1)


def test_a_feed_with_only_a_time_of_change_is_asked_about_that():
    asked: list[dict[str, str]] = []
    with opened() as stand:
        stand.validates, stand.headers = False, {"Last-Modified": at(NOON)}
        answer = stand.answer
        stand.answer = lambda path, given: (asked.append(given), answer(path, given))[1]
        feeds = HttpFeeds()
        feeds.read(stand.url, "rss")
        feeds.read(stand.url, "rss")
    assert [given.get("If-Modified-Since") for given in asked] == [None, at(NOON)]


def test_a_packed_feed_is_unpacked(stand):
    stand.packs = True
    stand.prints(item("a", at(NOON)))
    assert len(HttpFeeds().read(stand.url, "rss")) == 1


def test_a_bomb_is_not_unpacked(stand):
    bomb = gzip.compress(b" " * 50_000_000)
    stand.instead = lambda path: (200, {"Content-Encoding": "gzip"}, bomb)
    with pytest.raises(FeedUnreadable, match="larger than 1,000,000 bytes"):
        HttpFeeds(largest=1_000_000).read(stand.url, "rss")


def test_a_redirect_is_followed(stand):
    stand.prints(item("a", at(NOON)))
    stand.instead = lambda path: (302, {"Location": "/new.rss"}, b"") if path == "/all.rss" else None
    assert len(HttpFeeds().read(stand.url, "rss")) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((503, {}, b"busy"), "answered 503"),
        ((404, {}, b""), "answered 404"),
        ((304, {}, b""), "answered 304"),
        ((302, {"Location": "/all.rss"}, b""), "redirects"),
        ((302, {"Location": "file:///etc/passwd"}, b""), "file"),
        ((200, {"Content-Encoding": "br"}, b"?"), "packed with br"),
        ((200, {"Content-Encoding": "gzip"}, b"this is not gzip"), "broken gzip"),
        ((200, {}, b"<html></html>"), "its root is not <rss>"),
    ],
)
def test_a_feed_that_cannot_be_read_says_why_and_where(answer, why, stand):
    stand.instead = lambda path: answer
    with pytest.raises(FeedUnreadable, match=why) as refusal:
        HttpFeeds().read(stand.url, "rss")
    assert str(refusal.value).startswith(stand.url)


def test_a_vendor_that_does_not_answer_is_not_waited_for_long():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/all.rss"
        with pytest.raises(FeedUnreadable, match="timed out"):
            HttpFeeds(patience=0.4).read(url, "rss")


def test_a_vendor_that_dribbles_is_cut_off():
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def dribble() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n<rss>")
                while not stop.wait(0.05):
                    connection.sendall(b" ")

        thread = threading.Thread(target=dribble)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/all.rss"
        try:
            with pytest.raises(FeedUnreadable, match=r"not complete after 0\.5 seconds"):
                HttpFeeds(patience=0.5).read(url, "rss")
        finally:
            stop.set()
            thread.join()


# ---- the activity ----


def test_what_is_new_is_returned_and_nothing_new_is_asked_for_again_later(stand):
    stand.prints(item("a", at(NOON)))
    feeds = FeedActivities(HttpFeeds())
    news = feeds.read(watch(stand.url))
    assert [post.title for post in news.posts] == ["Service disruption: Errors"]

    with pytest.raises(ApplicationError, match="nothing new from clouds") as later:
        feeds.read(watch(stand.url, seen=news.seen))
    assert later.value.type == "NothingNew"
    assert later.value.next_retry_delay == timedelta(minutes=5)
    assert not later.value.non_retryable


def test_that_a_feed_cannot_be_read_is_said_once_and_it_is_tried_again(stand):
    stand.status = 500
    feeds = FeedActivities(HttpFeeds())
    assert feeds.read(watch(stand.url)).problem == f"{stand.url} answered 500"

    with pytest.raises(ApplicationError, match="answered 500") as later:
        feeds.read(watch(stand.url, is_known_unreadable=True))
    assert later.value.type == "Unreadable"
    assert later.value.__cause__ is None, "the server would keep neither it nor the reason"
    assert later.value.next_retry_delay == timedelta(minutes=5)

    stand.status = 200
    stand.prints(item("a", at(NOON)))
    assert len(feeds.read(watch(stand.url, is_known_unreadable=True)).posts) == 1


def test_where_time_is_skipped_a_watch_ends_at_once():
    assert NoFeeds().read(watch()).over
