"""A supplier is down: what rides on it is gone around, and what it posts reaches those who are kept up to date."""

from datetime import timedelta

import pytest

from tests.domain import harbour
from tests.domain.world import World, fails, is_down, says_nothing
from tocsin.domain import commands as say
from tocsin.domain import vendors
from tocsin.domain.commands import CommandRefused
from tocsin.domain.directory import Directory
from tocsin.domain.events import FeedRead, NotSent, VendorPost
from tocsin.domain.feeds import REMEMBERED_POSTS
from tocsin.domain.operators import details
from tocsin.domain.plan import Plan
from tocsin.domain.state import Target
from tocsin.domain.view import view
from tocsin.domain.words import Verdict
from tocsin.yamlfile import parse

VENDORS = """
vendors:
  mailhouse: {title: Mailhouse, carries: email, instead: [phone, sms]}
  telco: {title: Telco, carries: [sms, phone], instead: email}
  clouds:
    title: Clouds
    feed: {url: "https://status.example.com/clouds.rss", format: rss, every: PT5M, about: [harbour]}
"""
KEPT_INFORMED = """
  - id: word
    title: The crews are kept informed
    clause: "§9"
    from: aware
    within: PT1H
    every: PT2H
    until: resolved
    do: [{notify: {audience: crews, via: [email, sms]}}]
"""
CRITERION = "  mail_gone: {severity: gale, title: Mail is gone, vendor: mailhouse}\nroles:"


def plan(levels: str = "{role: pilot, via: [sms, phone], wait: PT5M}", do: str = "via: [email, sms]") -> Plan:
    """The harbour's policy with suppliers, a series of notices, and a page of these levels."""
    text = (
        harbour.PLAN.replace("roles:", CRITERION, 1)
        + KEPT_INFORMED.replace("via: [email, sms]", do)
        + VENDORS
    )
    return parse(text.replace("{role: pilot, via: [sms, phone], wait: PT5M}", levels), Plan)


def directory() -> Directory:
    """The harbour's people; the mess has a telephone, and Eva a supervisor."""
    text = harbour.DIRECTORY.replace("mess@example.org}", 'mess@example.org, phone: "+12025550120"}')
    return parse(text.replace("eva@example.com}", "eva@example.com, supervisor: rui}"), Directory)


def world(**words: str) -> World:
    return World(plan=plan(**words), directory=directory())


def post(id: str = "post-1", **words: object) -> VendorPost:
    usual = {"title": "Errors in harbour", "text": "We look into it.", "published": harbour.MONDAY_NOON}
    return VendorPost(vendor="clouds", id=id, **{**usual, **words})


# Down and up


def test_the_mail_is_gone_so_the_telephone_is_used():
    story = world()
    story.alert()
    story.says(say.NameVendor, vendor="mailhouse", is_down=True, reason="their status page is red")

    story.passes(hours=1)

    assert ("sms", "mess") in story.reached
    assert not any(letter.channel == "email" and letter.at > harbour.MONDAY_NOON for letter in story.letters)
    assert "sms instead of email to crews/mess, because Mailhouse is down" in story.log("detour")
    assert story.log("vendor") == [
        "Mailhouse is down (their status page is red): email is not used meanwhile; where nothing else is left, "
        "phone and sms"
    ]


def test_where_nothing_else_is_left_what_the_plan_names_instead_is_used():
    story = world()
    story.alert()
    story.says(say.NameVendor, vendor="mailhouse", is_down=True)

    story.passes(hours=4)

    [report] = story.sent("interim")
    assert report.channel == "phone", "the plan sends it by email alone"
    assert story.verdict("interim-report#1") is Verdict.MET


def test_mail_is_used_again_once_the_vendor_is_up():
    story = world()
    story.alert()
    story.says(say.NameVendor, vendor="mailhouse", is_down=True)
    story.says(say.NameVendor, vendor="mailhouse", is_down=False, reason="test mails arrive")

    story.passes(hours=4)

    assert [letter.channel for letter in story.sent("interim")] == ["email"]
    assert story.log("vendor")[-1] == "Mailhouse is up again (test mails arrive)"


def test_when_everything_is_closed_it_is_tried_nevertheless():
    story = world()
    story.alert()
    for vendor in ("mailhouse", "telco"):
        story.says(say.NameVendor, vendor=vendor, is_down=True)
    assert vendors.open_channels(story.case, ("email",)) == ("email",)

    story.says(say.PageSomebody, person="eva", reason="the cargo list, please")

    assert story.reached[-1] == ("sms", "eva")


@pytest.mark.parametrize(
    ("vendor", "is_down", "why"),
    [
        ("the sea", True, 'the plan has no vendor "the sea"; its vendors are mailhouse, telco, clouds'),
        ("telco", False, "Telco is up already"),
        ("mailhouse", True, "Mailhouse is down already"),
    ],
)
def test_what_is_unknown_or_changes_nothing_is_refused(vendor, is_down, why):
    story = world()
    story.alert()
    story.says(say.NameVendor, vendor="mailhouse", is_down=True)
    with pytest.raises(CommandRefused, match=why):
        story.says(say.NameVendor, vendor=vendor, is_down=is_down)


def test_a_vendor_may_be_up_again_after_the_incident():
    story = world()
    story.alert(vendors=("mailhouse",))
    story.says(say.Resolve, summary="calm")
    story.says(say.NameVendor, vendor="mailhouse", is_down=False)
    assert vendors.down(story.case) == {}


def test_a_criterion_of_the_classification_names_the_vendor():
    story = world()
    story.alert()
    story.says(say.Classify, criteria=("mail_gone",))
    assert list(vendors.down(story.case)) == ["mailhouse"]
    assert story.log("vendor")[0].startswith("Mailhouse is down (Mail is gone)")


@pytest.mark.parametrize("named", [{"vendors": ("mailhouse",)}, {"criteria": ("mail_gone",)}])
def test_an_alert_that_opens_the_incident_names_the_vendor(named):
    story = world()
    story.alert(**named)
    assert list(vendors.down(story.case)) == ["mailhouse"]
    assert len(story.log("vendor")) == 1


@pytest.mark.parametrize("named", [{"vendors": ("mailhouse",)}, {"criteria": ("mail_gone",)}])
def test_an_alert_that_joins_names_the_vendor_but_its_repeats_do_not_contradict_a_person(named):
    story = world()
    story.alert()
    story.happens(story.alerted(alerts={"mail": True}, **named))
    assert list(vendors.down(story.case)) == ["mailhouse"]

    story.says(say.NameVendor, vendor="mailhouse", is_down=False)
    story.happens(story.alerted(alerts={"mail": True}, **named))
    assert vendors.down(story.case) == {}

    story.happens(story.alerted(alerts={"mail": False}, **named))
    assert vendors.down(story.case) == {}
    story.happens(story.alerted(alerts={"mail": True}, **named))
    assert list(vendors.down(story.case)) == ["mailhouse"], "it fires anew"


def test_people_see_which_vendor_is_down_and_how_to_say_that_it_is_up():
    story = world()
    story.alert(vendors=("mailhouse", "clouds"))
    story.says(say.NameVendor, vendor="clouds", is_down=False)

    shown = view(story.case, "incident-1", story.now)

    assert [(vendor.name, vendor.closed, vendor.until) for vendor in shown.vendors] == [
        ("mailhouse", ("email",), None),
        ("clouds", (), story.now),
    ]
    commands = [action.command for action in shown.next_actions if "vendor" in action.command]
    assert commands == [f"tocsin vendor {story.state.reference} mailhouse up"]
    page = details(story.case, story.now)
    assert "**Mailhouse** is down since 2026-06-01 12:00 UTC; not used meanwhile: email." in page
    assert "Clouds" not in page.partition("### To do now")[0]


# What was under way


def test_a_notice_that_was_not_delivered_yet_moves_on_at_once():
    story = world()
    story.vendors["email"] = says_nothing
    story.alert()
    assert story.reached.count(("email", "mess")) == 1

    story.says(say.NameVendor, vendor="mailhouse", is_down=True)

    [first] = [item for item in story.state.messages.values() if item.channel == "email"]
    assert story.reached[-1] == ("sms", "mess")
    assert story.verdict("word#1") is Verdict.MET
    assert story.log("detour") == [f"email {first.id} to @mess goes by sms, because Mailhouse is down"]


def test_what_was_delivered_is_not_said_twice():
    story = world()
    story.alert()
    reached = list(story.reached)
    story.says(say.NameVendor, vendor="mailhouse", is_down=True)
    assert story.reached == reached


def test_a_message_over_two_channels_at_once_is_not_repeated_over_the_one_that_is_left():
    story = world(do="via: [email, sms], at_once: true")
    story.vendors["email"] = says_nothing
    story.alert()
    assert story.reached.count(("sms", "mess")) == 1

    story.says(say.NameVendor, vendor="mailhouse", is_down=True)

    assert story.reached.count(("sms", "mess")) == 1
    assert ("phone", "mess") in story.reached, "the plan wants two ways, and names the telephone instead"
    assert story.verdict("word#1") is Verdict.MET


def test_what_left_by_another_channel_leaves_no_retry_behind():
    story = world(do="via: email")
    story.vendors["email"] = is_down
    story.alert()
    story.says(say.NameVendor, vendor="mailhouse", is_down=True)
    mails = story.reached.count(("email", "mess"))

    late = next(item for item in story.state.messages.values() if item.channel == "email")
    story.happens(NotSent(message=late.id, again="for_now", detail="503"))
    story.passes(minutes=10)

    assert story.reached.count(("email", "mess")) == mails


# Pages


def test_a_page_passes_over_the_channel_that_is_closed_and_says_why():
    story = world(levels="{role: pilot, via: [email, sms, phone], wait: PT5M}")
    story.alert(vendors=("mailhouse",))
    story.passes(minutes=5)
    assert [letter.channel for letter in story.sent("page")] == ["sms", "phone"]
    assert story.log("page")[0] == "page 1: sms to role pilot (level 1, round 1; no email: Mailhouse is down)"


def test_a_page_whose_channels_are_all_closed_goes_over_what_the_plan_names_instead():
    story = World(plan=plan().model_copy(), directory=directory())
    story.alert(vendors=("telco",))

    story.passes(minutes=5)

    assert [(letter.channel, letter.to) for letter in story.sent("page")] == [
        ("email", "ana"),
        ("email", "rui"),
    ]
    assert story.log("page")[0] == "page 1: email instead of sms and phone, because Telco is down"


def test_a_page_that_waits_on_a_channel_that_closes_climbs_at_once():
    story = world(levels="{role: pilot, via: [email, sms], wait: PT5M}")
    story.vendors["email"] = says_nothing
    story.alert()
    assert [letter.channel for letter in story.sent("page")] == ["email"]

    story.says(say.NameVendor, vendor="mailhouse", is_down=True)

    assert [letter.channel for letter in story.sent("page")] == ["email", "sms"]


def test_a_page_whose_last_open_rung_fails_waits_before_it_goes_round():
    story = world(levels="{role: pilot, via: [sms, email], wait: PT5M}")
    story.vendors.update(sms=fails, phone=fails)
    story.alert(vendors=("mailhouse",))
    tried = len(story.sent("page"))
    assert tried == 2, "the pilot by text, the harbour master by phone"
    story.passes(minutes=9)
    assert len(story.sent("page")) == tried


AT_ONCE = "{role: pilot, via: [sms, phone], at_once: true, wait: PT5M}"


def test_a_level_may_try_its_channels_at_once():
    story = world(levels=AT_ONCE)
    story.alert()
    assert story.reached[:2] == [("sms", "ana"), ("phone", "ana")]

    story.passes(minutes=5)

    assert [letter.to for letter in story.sent("page")] == ["ana", "ana", "rui"]
    assert story.log("page")[0] == "page 1: sms and phone to role pilot (level 1, round 1)"


def test_channels_that_are_tried_at_once_have_failed_when_all_of_them_have():
    story = world(levels=AT_ONCE)
    story.vendors["sms"] = fails
    story.alert()
    assert [letter.to for letter in story.sent("page")] == ["ana", "ana"], "the telephone may be answered yet"

    both = world(levels=AT_ONCE)
    both.vendors.update(sms=fails, phone=fails)
    both.alert()
    assert [letter.to for letter in both.sent("page")] == ["ana", "ana", "rui"]


def test_of_channels_that_are_tried_at_once_only_the_open_ones_are():
    story = world(levels="{role: pilot, via: [email, sms], at_once: true, wait: PT5M}")
    story.alert(vendors=("mailhouse",))
    assert story.reached[0] == ("sms", "ana")
    story.passes(minutes=5)
    assert [letter.to for letter in story.sent("page")] == ["ana", "rui"]


def test_a_supervisor_stays_one_when_the_role_was_given_to_somebody():
    story = world(levels="{supervisor_of: pilot, via: [sms], wait: PT5M}")
    story.alert()
    story.says(say.AssignRole, role="pilot", person="eva")
    story.passes(minutes=12)
    last = story.sent("page")[-1]
    assert last.dispatch.target == Target(person="eva", supervisor=True, turn=1)
    assert last.to == "rui"


# What vendors post


def kept_informed() -> World:
    """The crews have had their first notice, and the clouds are down."""
    story = world()
    story.alert(vendors=("clouds",))
    assert story.reached.count(("email", "mess")) == 1
    return story


def test_a_vendors_post_reaches_those_who_are_kept_up_to_date_at_once_and_once():
    story = kept_informed()
    armed = dict(story.state.obligations)

    story.happens(post())
    story.happens(post())

    [_, update] = story.sent("notice")
    assert update.dispatch.subject == "Update from Clouds"
    assert update.dispatch.text == "Errors in harbour — We look into it."
    assert story.log("update") == ["Clouds: Errors in harbour — We look into it."]
    assert story.report("interim")["Last word"].startswith("Clouds: Errors in harbour")
    assert story.state.obligations.keys() == armed.keys(), "the notices' own clock runs as before"
    assert story.owed("word#2").due == armed["word#2"].due


def test_posts_that_come_in_another_order_are_each_told_once():
    story = kept_informed()
    for id in ("b", "a", "b", "c", "a"):
        story.happens(post(id, title=f"post {id}"))
    assert [letter.dispatch.text[:6] for letter in story.sent("notice")[1:]] == ["post b", "post a", "post c"]


def test_a_post_does_not_stand_in_for_the_update_that_somebody_owes():
    asked = """
  - id: status
    title: Somebody says where things stand
    clause: "§10"
    from: aware
    within: PT1H
    do: [{update: {role: watch_officer}}]
vendors:"""
    text = (harbour.PLAN + VENDORS).replace("\nvendors:", asked)
    story = World(plan=parse(text, Plan), directory=directory())
    story.alert(vendors=("clouds",))

    story.happens(post())
    assert story.verdict("status") is Verdict.PENDING

    story.says(say.GiveUpdate, text="the clouds are gone")
    assert story.verdict("status") is Verdict.MET


def test_nobody_is_updated_whom_no_notice_has_told_yet():
    story = World(plan=plan(), directory=directory())
    story.vendors["email"] = is_down
    story.vendors["sms"] = is_down
    story.alert(vendors=("clouds",))
    notices = len(story.sent("notice"))
    story.happens(post())
    assert len(story.sent("notice")) == notices
    assert len(story.log("update")) == 1


def test_a_post_that_says_it_is_over_is_proposed_to_people_and_decides_nothing():
    story = kept_informed()
    story.happens(post(is_over=True))
    assert list(vendors.down(story.case)) == ["clouds"]
    assert story.log("vendor")[-1] == (
        f"Clouds says that it is over; once that holds for us: tocsin vendor {story.state.reference} clouds up"
    )


@pytest.mark.parametrize("ending", ["up", "resolved"])
def test_what_a_vendor_posts_afterwards_concerns_nobody(ending):
    story = kept_informed()
    if ending == "up":
        story.says(say.NameVendor, vendor="clouds", is_down=False)
    else:
        story.says(say.Resolve, summary="calm")
    notices = len(story.sent("notice"))
    story.happens(post())
    assert len(story.sent("notice")) == notices
    assert vendors.watches(story.case) == {}


# Whose feed is read


def test_the_feed_of_a_vendor_that_is_down_is_watched_from_where_it_was_left():
    story = kept_informed()
    story.happens(post("post-1"))

    [watch] = vendors.watches(story.case).values()

    assert watch.url == "https://status.example.com/clouds.rss"
    assert watch.about == ("harbour",)
    assert watch.seen == ("post-1",)
    assert watch.since == story.state.opened - timedelta(hours=1)


def test_a_feed_that_cannot_be_read_is_on_the_record_once():
    story = kept_informed()
    for _ in range(3):
        story.happens(FeedRead(vendor="clouds", problem="it answered 500"))
    assert story.log("vendor")[1:] == [
        "the feed of Clouds cannot be read, and is tried again: it answered 500"
    ]
    assert vendors.watches(story.case)["clouds"].is_known_unreadable


def test_what_is_remembered_of_a_feed_is_bounded():
    story = kept_informed()
    story.happens(FeedRead(vendor="clouds", seen=tuple(f"post-{number}" for number in range(1_000))))
    assert len(story.state.vendors["clouds"].seen) == REMEMBERED_POSTS
    assert story.state.vendors["clouds"].seen[-1] == "post-999"
