"""What people do with a page, and what becomes of one that nobody answers: the last resort, silence, handing over."""

from datetime import timedelta

import pytest

from tests.domain import harbour
from tests.domain.world import World, delivers, fails, says_nothing
from tocsin.domain import commands as say
from tocsin.domain.alarms import alarms
from tocsin.domain.commands import CommandRefused
from tocsin.domain.events import Commanded, NotSent
from tocsin.domain.hours import QuietHours
from tocsin.domain.operators import details
from tocsin.domain.plan import Plan
from tocsin.domain.state import Actor
from tocsin.domain.view import is_overdue
from tocsin.domain.words import Verdict
from tocsin.yamlfile import parse

ONLY_THE_PAGE = ("interim-report", "owners", "secured", "coastguard", "rounds")
SUMMONS = """          levels:
            - {role: pilot, via: [sms, phone], wait: PT5M}
            - {role: harbour_master, via: phone, wait: PT10M}
          assigns: watch_officer
"""


def a_plan(paging: str = "", summons: str = SUMMONS):
    """The harbour's policy with these rules for pages, this summons, and nothing else that makes anybody write."""
    late = "    when_late: harbour_master\n"
    text = harbour.PLAN.replace(SUMMONS + late, summons + late)
    if paging:
        text = text.replace("\nphases:\n", f"\npaging: {paging}\nphases:\n")
    worded = parse(text, Plan)
    kept = tuple(spec for spec in worded.obligations if spec.id not in ONLY_THE_PAGE)
    return worded.model_copy(update={"obligations": kept})


def summoned_by(summons: str) -> World:
    world = World(plan=a_plan(summons=summons))
    world.alert()
    return world


def ruled_by(paging: str, **alert: str) -> World:
    world = World(plan=a_plan(paging))
    world.alert(**alert)
    return world


# ---- nobody answers ----


def test_when_nobody_has_answered_the_last_resort_is_tried_and_the_page_is_overdue():
    world = ruled_by("{last_resort: {role: clerk, via: [sms, phone], at_once: true, wait: PT10M}}")
    world.passes(minutes=19, seconds=59)
    assert not is_overdue(world.case)
    world.passes(seconds=1)

    assert world.reached[3:] == [("sms", "eva"), ("phone", "eva")]
    assert is_overdue(world.case)
    assert world.log("overdue") == [
        "page 1 is overdue: nobody has answered in the first round; role clerk is the last resort"
    ]
    assert "**overdue**" in details(world.case, world.now)

    world.passes(minutes=10)
    assert world.reached[5:] == [("sms", "ana")], "the levels begin again"
    world.passes(minutes=20)
    assert world.reached[-2:] == [("sms", "eva"), ("phone", "eva")], "and the last resort stays one of them"
    assert len(world.log("overdue")) == 1


def test_the_last_resort_is_tried_at_once_where_every_level_has_failed():
    world = World(plan=a_plan("{last_resort: {role: clerk, via: email}}"))
    world.vendors.update(sms=fails, phone=fails)
    world.alert()
    assert world.reached == [("sms", "ana"), ("phone", "ana"), ("phone", "rui"), ("email", "eva")]


def test_the_last_resort_waits_for_as_many_rounds_as_the_plan_says():
    world = ruled_by("{last_resort: {role: clerk, via: sms, after_rounds: 2}}")
    world.passes(minutes=39)
    assert ("sms", "eva") not in world.reached
    world.passes(minutes=1)
    assert world.reached[-1] == ("sms", "eva")
    assert "nobody has answered in 2 rounds" in world.log("overdue")[0]


def test_a_page_without_a_last_resort_is_overdue_after_its_first_round_and_goes_on():
    world = ruled_by("{rounds: 12}")
    world.passes(minutes=20)
    assert world.log("overdue") == ["page 1 is overdue: nobody has answered in the first round"]
    assert world.reached[3:] == [("sms", "ana")]


def test_an_answer_ends_what_was_overdue():
    world = ruled_by("{last_resort: {role: clerk, via: sms}}")
    world.passes(minutes=21)
    world.acknowledges(by="eva")
    assert not is_overdue(world.case)
    assert world.verdict("summon") is Verdict.MET


def test_a_level_is_tried_as_often_as_it_says_before_the_next():
    world = summoned_by(
        "          levels:\n"
        "            - {role: pilot, via: [sms, phone], wait: PT5M, repeat: 2}\n"
        "            - {person: eva, via: sms, wait: PT5M}\n"
    )
    world.passes(minutes=20)
    assert world.reached == [("sms", "ana"), ("phone", "ana")] * 2 + [("sms", "eva")]


# ---- quiet hours ----


@pytest.mark.parametrize(
    ("paging", "severity", "wakes"),
    [
        ("{rounds: 12}", "breeze", True),
        ("{wakes: [storm]}", "storm", True),
        ("{wakes: [storm]}", "gale", False),
    ],
)
def test_quiet_hours_give_way_to_the_severities_that_the_plan_names(paging, severity, wakes):
    world = ruled_by(paging, severity=severity)
    assert world.letters[0].dispatch.wakes is wakes


def test_a_page_that_is_overdue_does_not_mind_quiet_hours():
    world = ruled_by("{wakes: [storm]}", severity="gale")
    world.passes(minutes=20)
    assert [letter.dispatch.wakes for letter in world.letters] == [False, False, False, True]


def asleep(*people: str):
    """The harbour's directory in which these have been at sea all night, and sleep by day."""
    directory = harbour.directory()
    quiet = (QuietHours(timezone="Europe/Lisbon", hours="06:00-20:00"),)
    known = {
        key: person.model_copy(update={"quiet": quiet}) if key in people else person
        for key, person in directory.people.items()
    }
    return directory.model_copy(
        update={"people": known, "roles": {**directory.roles, "pilot": ("ana", "eva")}}
    )


def test_whoever_sleeps_is_passed_over_for_whoever_holds_the_role_as_well():
    world = World(plan=a_plan("{wakes: [storm]}"), directory=asleep("ana"))
    world.alert(severity="gale")
    assert world.reached == [("sms", "eva")]


def test_where_everybody_sleeps_the_levels_are_climbed_in_vain_and_the_last_resort_is_woken():
    world = World(
        plan=a_plan("{wakes: [storm], last_resort: {role: clerk, via: phone}}"),
        directory=asleep("ana", "eva", "rui"),
    )
    world.alert(severity="gale")
    assert world.reached == [("phone", "eva")], (
        "nobody else is disturbed in the first round, but somebody has to know"
    )
    assert len(world.log("not sent")) == 3


# ---- all must answer ----

EVERYBODY = """          answers: all
          levels:
            - {role: pilot, via: [sms, phone], wait: PT5M}
            - {role: harbour_master, via: phone, wait: PT10M}
            - {person: eva, via: sms, wait: PT10M}
"""


def test_where_all_must_answer_each_has_a_page_of_their_own_and_all_are_paged_at_once():
    directory = harbour.directory().model_copy(
        update={"roles": {**harbour.directory().roles, "pilot": ("ana", "rui")}}
    )
    world = World(plan=a_plan(summons=EVERYBODY), directory=directory)
    world.alert()
    assert sorted(world.reached) == [("sms", "ana"), ("sms", "eva"), ("sms", "rui")], "rui only once"


def test_where_all_must_answer_the_promise_is_kept_by_the_last_of_them():
    world = summoned_by(EVERYBODY)
    pages = {page.levels[0].target.person: number for number, page in world.state.pages.items()}
    assert set(pages) == {"ana", "rui", "eva"}

    world.says(say.Acknowledge, by="ana", page=pages["ana"])
    world.says(say.Acknowledge, by="eva", page=pages["eva"])
    assert world.verdict("summon") is Verdict.PENDING
    world.passes(minutes=5)
    world.says(say.Acknowledge, by="rui", page=pages["rui"])

    row = world.row("summon")
    assert (row.verdict, world.after(row.settled)) == (Verdict.MET, timedelta(minutes=5))
    assert row.reason == "acknowledged by @eva (claimed), @ana (claimed), @rui (claimed)"


def test_where_all_must_answer_nobody_answers_for_anybody_else():
    world = summoned_by(EVERYBODY)
    pages = {page.levels[0].target.person: number for number, page in world.state.pages.items()}
    with pytest.raises(
        CommandRefused, match=rf"page {pages['eva']} is for eva to answer: each must, for themselves"
    ):
        world.says(say.Acknowledge, by="ana", page=pages["eva"])

    world.acknowledges(by="ana")  # all that are open: only their own is answered
    assert [page.number for page in world.state.pages.values() if page.acknowledged] == [pages["ana"]]
    assert world.verdict("summon") is Verdict.PENDING


def test_where_all_must_answer_it_can_be_handed_over_and_the_ledger_names_who_did():
    world = summoned_by(EVERYBODY)
    pages = {page.levels[0].target.person: number for number, page in world.state.pages.items()}
    world.says(say.HandOver, by="eva", page=pages["eva"], person="rui")
    for who in ("ana", "rui"):
        world.says(say.Acknowledge, by=who, page=pages[who])
    world.says(say.Acknowledge, by="rui", page=pages["eva"])
    assert world.row("summon").reason == "acknowledged by @rui (claimed), @ana (claimed)"


def test_a_role_of_which_all_must_answer_and_that_nobody_holds_is_not_passed_over_in_silence():
    roles = {name: who for name, who in harbour.directory().roles.items() if name != "harbour_master"}
    world = World(
        plan=a_plan(summons=EVERYBODY), directory=harbour.directory().model_copy(update={"roles": roles})
    )
    world.alert()
    assert world.log("nobody") == ["the directory has nobody for role harbour_master"]
    assert len([page for page in world.state.pages.values() if page.is_open]) == 3
    assert world.verdict("summon") is Verdict.PENDING


# ---- silence after an answer ----


def test_whoever_answered_and_is_not_heard_of_is_asked_again_and_then_everybody_else():
    world = ruled_by("{holds: {gale: PT1H}}")
    world.acknowledges(by="rui")
    world.passes(minutes=59, seconds=59)
    assert len(world.reached) == 1
    world.passes(seconds=1)

    assert world.log("page")[-2] == "page 1: nothing was heard of @rui for 1 hour, so it begins again"
    assert world.reached[1:] == [("sms", "rui")]
    world.passes(minutes=10)
    assert world.reached[2:] == [("phone", "rui"), ("sms", "ana")]
    assert world.verdict("summon") is Verdict.MET, "it was answered in time, whatever came after"

    world.acknowledges(by="ana")
    assert [lapsed.by.key for lapsed in world.state.pages[1].lapsed] == ["rui"]


def test_every_sign_of_life_makes_an_acknowledgement_hold_for_as_long_again():
    world = ruled_by("{holds: {gale: PT1H}}")
    world.acknowledges(by="ana")
    world.passes(minutes=50)
    world.says(say.GiveUpdate, by="rui", text="I am only looking on")
    world.says(say.GiveUpdate, by="ana", text="Still pumping")
    world.passes(minutes=59)
    assert len(world.reached) == 1
    world.passes(minutes=1)
    assert world.reached[-1] == ("sms", "ana")


def test_an_acknowledgement_holds_to_the_end_where_the_severity_says_nothing_and_after_the_resolution():
    world = ruled_by("{holds: {storm: PT1H}}", severity="gale")
    world.acknowledges()
    world.passes(hours=30)
    assert len(world.sent("page")) == 1

    world = ruled_by("{holds: {gale: PT1H}}")
    world.acknowledges()
    world.says(say.Resolve, summary="The wind has dropped")
    world.passes(hours=3)
    assert len(world.sent("page")) == 1


def test_a_timer_says_whose_silence_it_waits_for():
    world = ruled_by("{holds: {gale: PT1H}}")
    world.acknowledges(by="ana")
    alarm = alarms(world.case, world.now)["page 1"]
    assert (alarm.summary, world.after(alarm.at)) == (
        "page 1: ask again if nothing was heard of ana",
        timedelta(hours=1),
    )


# ---- passing on and handing over ----


def test_a_page_that_is_passed_on_goes_to_whoever_is_next_at_once():
    world = World(plan=a_plan("{rounds: 12}"))
    world.alert()
    world.says(say.HandOver, by="ana", page=1, reason="I am on a ladder")
    assert world.reached == [("sms", "ana"), ("phone", "rui")], "the call to ana is left out"
    assert "page 1 is passed on to whoever is next — I am on a ladder" in world.log("page")


def test_a_page_can_be_passed_on_to_somebody_by_name_and_then_climbs_as_before():
    world = World(plan=a_plan("{rounds: 12}"))
    world.alert()
    world.says(say.HandOver, by="ana", page=1, person="eva")
    world.passes(minutes=10)
    assert world.reached[1:] == [("sms", "eva"), ("phone", "eva"), ("phone", "rui")]


def test_whoever_hands_over_stays_responsible_until_the_other_has_answered():
    world = ruled_by("{holds: {gale: PT1H}}")
    world.acknowledges(by="ana")
    world.says(say.HandOver, by="ana", page=1, person="eva", reason="My watch ends")
    assert world.reached[1:] == [("sms", "eva")]
    assert world.state.roles == {"watch_officer": "ana"}

    world.says(say.Acknowledge, by="eva", page=2)
    assert world.state.roles == {"watch_officer": "eva"}
    world.passes(minutes=59)
    assert len(world.reached) == 2
    world.passes(minutes=1)
    assert world.reached[2:] == [("sms", "eva")], "it is eva's silence that counts now, not ana's"


def test_whoever_passes_on_is_tried_last():
    directory = harbour.directory().model_copy(
        update={"roles": {**harbour.directory().roles, "pilot": ("ana", "eva")}}
    )
    summons = (
        "          levels:\n"
        "            - {person: ana, via: sms, wait: PT5M}\n"
        "            - {role: pilot, via: phone, wait: PT5M}\n"
    )
    world = World(plan=a_plan(summons=summons), directory=directory)
    world.alert()
    world.says(say.HandOver, by="ana", page=1, person="rui")
    world.passes(minutes=10)
    assert world.reached == [("sms", "ana"), ("sms", "rui"), ("phone", "rui"), ("phone", "eva")]


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"page": 1}, "page 1 was acknowledged by @ana; say to whom it is to be handed over"),
        ({"page": 1, "person": "ana"}, "page 1 is @ana's already"),
        ({"page": 1, "person": "eva", "role": "clerk"}, "name either a role or a person"),
        ({"page": 1, "role": "pirate"}, 'the plan has no role "pirate"'),
        ({"page": 7}, "there is no page 7; the pages are 1"),
    ],
)
def test_a_hand_over_that_makes_no_sense_says_why(what, why):
    world = World(plan=a_plan("{rounds: 12}"))
    world.alert()
    world.acknowledges(by="ana")
    with pytest.raises(CommandRefused, match=why.replace("(", r"\(")):
        world.says(say.HandOver, by="ana", **what)


# ---- wanting no more messages ----


def stopping(world: World, who: str, back: bool = False) -> Commanded:
    actor = Actor(key=who, via="sms", proof="proven")
    command = world.command(say.OptOut, by=who, back=back).model_copy(update={"actor": actor})
    return Commanded(command=command)


def stop(world: World, who: str, back: bool = False) -> None:
    world.happens(stopping(world, who, back))


def test_whoever_replies_stop_is_called_instead_and_the_plan_s_role_is_told_once():
    world = ruled_by("{troubles_to: harbour_master}")
    stop(world, "ana")
    assert world.reached == [("sms", "ana"), ("phone", "ana"), ("email", "rui")]
    assert world.sent("trouble")[0].dispatch.subject == "ana has opted out of sms"
    stop(world, "ana")
    assert len(world.sent("trouble")) == 1
    assert world.log("opt-out") == ["@ana wants no messages by sms, and gets none"]


def test_a_stop_that_is_quicker_than_the_news_that_the_text_has_left_goes_on_at_once_too():
    def overtaken(world, message, reached):
        yield stopping(world, "ana")
        yield from says_nothing(world, message, reached)

    world = World(plan=a_plan("{troubles_to: harbour_master}"))
    world.vendors["sms"] = overtaken
    world.alert()
    assert ("phone", "ana") in world.reached


def test_a_text_that_was_not_sent_because_of_an_earlier_stop_is_reported_too():
    def stopped(world, message, reached):
        yield NotSent(message=message.id, again="never", detail="ana wants no texts", opted_out="ana")

    world = World(plan=a_plan("{troubles_to: harbour_master}"))
    world.vendors["sms"] = stopped
    world.alert()
    assert world.reached == [("sms", "ana"), ("phone", "ana"), ("email", "rui")]
    assert world.log("not sent") == [
        f"sms {world.letters[0].dispatch.message} to role pilot: ana wants no texts"
    ]


def test_start_takes_the_stop_back():
    world = ruled_by("{troubles_to: harbour_master}")
    stop(world, "ana")
    stop(world, "ana", back=True)
    assert world.state.opted_out == ()


# ---- what was taken and never delivered ----


def test_a_notice_that_is_not_delivered_in_its_time_goes_over_the_next_channel_as_well():
    world = World(plan=harbour.plan_with("via: [email, sms]}}", "via: [email, sms], wait: PT20M}}"))
    world.vendors["email"] = says_nothing
    world.alert(customer="orca")
    world.passes(minutes=20)

    first, second = world.sent("notice")
    assert (first.channel, second.channel, second.to) == ("email", "sms", "desk")
    assert world.log("undelivered") == [
        f"email {first.dispatch.message} to @desk: not delivered so far, so sms is tried as well"
    ]


def test_a_notice_that_arrives_in_time_goes_nowhere_else_and_one_that_arrives_late_counts():
    world = World()
    world.alert(customer="orca")
    world.passes(hours=1)
    assert [letter.channel for letter in world.sent("notice")] == ["email"]

    world = World()
    world.vendors.update(email=says_nothing, sms=fails)
    world.alert(customer="orca")
    world.passes(minutes=40)
    email = world.sent("notice")[0]
    _, arrived = delivers(world, world.state.messages[email.dispatch.message], "desk")
    world.happens(arrived)
    duty = world.owed("owners").duties[0]
    assert duty.done == world.now
