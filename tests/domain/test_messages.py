"""What becomes of messages: fallbacks, failures for now and for good, and vendors who speak out of turn."""

from datetime import timedelta

import pytest

from tests.domain import harbour
from tests.domain.world import World, delivers, fails, is_down, refuses, says_nothing
from tocsin.domain import commands as say
from tocsin.domain.commands import CommandRefused
from tocsin.domain.decide import refuse
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.events import NotSent, Sent, TimePassed
from tocsin.domain.words import Verdict

NOTICE_ONLY = harbour.plan_without("summon", "interim-report", "secured")


@pytest.fixture
def world():
    """A promise to the owners, over email or SMS, of an incident that nobody is paged for."""
    return World(plan=NOTICE_ONLY)


def told(world):
    [duty, _] = world.owed("owners").duties
    return duty


@pytest.mark.parametrize("vendor", [refuses, is_down, fails])
def test_a_notice_that_one_channel_does_not_deliver_goes_over_the_next(world, vendor):
    world.vendors["email"] = vendor
    world.alert(customer="orca")
    assert world.reached[-1] == ("sms", "desk")
    assert told(world).note == "delivered to @desk by sms"
    first, second = world.state.messages.values()
    assert first.succeeded_by == second.id


def test_a_notice_that_no_channel_delivers_keeps_nothing(world):
    world.vendors.update(email=refuses, sms=fails)
    world.alert(customer="orca")
    assert told(world).done is None
    world.passes(days=1)
    assert world.verdict("owners") is Verdict.OVERDUE


def test_when_no_channel_takes_it_for_now_the_last_is_tried_again_until_it_does(world):
    world.vendors.update(email=is_down, sms=is_down)
    world.alert(customer="orca")
    world.passes(minutes=3)
    assert world.state.messages[world.letters[-1].dispatch.message].attempt == 4
    world.vendors["sms"] = says_nothing
    world.passes(minutes=1)
    [_, last] = world.state.messages.values()
    assert (last.attempt, last.state, last.retry_at) == (5, DeliveryState.SENT, None)


def test_a_message_that_arrived_after_all_is_not_tried_again(world):
    world.vendors.update(email=is_down, sms=is_down)
    world.alert(customer="orca")
    last = world.letters[-1].dispatch.message
    world.happens(world.reported(last, DeliveryState.DELIVERED))
    tried = len(world.letters)
    world.passes(hours=1)
    assert len(world.letters) == tried
    assert world.state.messages[last].state is DeliveryState.DELIVERED


def test_the_customer_whom_nobody_knows_is_said_to_be_nobody(world):
    world.alert(customer="nessie")
    assert world.log("nobody") == ["the directory has nobody for owners of customer nessie"]


def test_a_delivery_that_overtakes_the_vendors_answer_counts(world):
    def overtakes(world, message, reached):
        yield world.reported(message.id, DeliveryState.DELIVERED)
        yield Sent(message=message.id, reached=reached, vendor_id="v1")

    world.vendors["email"] = overtakes
    world.alert(customer="orca")
    [message] = world.state.messages.values()
    assert (message.state, message.reached) == (DeliveryState.DELIVERED, "desk")
    assert told(world).note == "delivered to @desk"


@pytest.mark.parametrize("state", list(DeliveryState))
def test_doubled_reports_change_nothing(world, state):
    world.vendors["email"] = says_nothing
    world.alert(customer="orca")
    report = world.reported(world.letters[0].dispatch.message, state)
    world.happens(report)
    once = world.state
    world.happens(report)
    assert world.state == once


@pytest.mark.parametrize("late", [DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.FAILED_FOR_NOW])
def test_reports_out_of_order_change_nothing(world, late):
    world.alert(customer="orca")
    before = world.state
    world.happens(world.reported(world.letters[0].dispatch.message, late))
    assert world.state == before


def says_its_name(world, message, reached):
    """The vendor's own name for what it took: another one for each attempt."""
    name = f"SM-{message.attempt}"
    yield Sent(message=message.id, reached=reached, vendor="twilio-2", vendor_id=name)


def the_text(world):
    [_, text] = world.state.messages.values()
    return text


def texted(world):
    """A notice that email refused, and that went out as a text, which has no other channel to fall back on."""
    world.vendors.update(email=refuses, sms=says_its_name)
    world.alert(customer="orca")
    return world


def said_of(world, vendor_id, state, detail="", vendor="twilio"):
    """What a vendor reports of what it took under that name."""
    report = world.reported(the_text(world).id, state, detail)
    named = report.report.model_copy(update={"vendor_id": vendor_id, "vendor": vendor})
    return report.model_copy(update={"report": named})


@pytest.fixture
def sent_twice(world):
    """A text that left in a second attempt, after its vendor had given the first one up for now."""
    texted(world)
    world.happens(said_of(world, "SM-1", DeliveryState.FAILED_FOR_NOW, "undelivered 30003"))
    world.passes(minutes=1)
    assert the_text(world).vendor_id == "SM-2"
    return world


@pytest.mark.parametrize("before", [DeliveryState.SENT, DeliveryState.DELIVERED])
def test_a_late_failure_of_an_attempt_before_changes_nothing(sent_twice, before):
    sent_twice.happens(said_of(sent_twice, "SM-2", before))
    once = sent_twice.state

    sent_twice.happens(said_of(sent_twice, "SM-1", DeliveryState.FAILED, "failed 30008"))
    sent_twice.happens(said_of(sent_twice, "SMx", DeliveryState.FAILED, "failed 30008"))

    assert sent_twice.state == once


def test_the_attempt_before_that_arrived_after_all_counts(sent_twice):
    sent_twice.happens(said_of(sent_twice, "SM-1", DeliveryState.DELIVERED))

    assert the_text(sent_twice).state is DeliveryState.DELIVERED


def test_a_failure_of_the_attempt_that_counts_counts(sent_twice):
    sent_twice.happens(said_of(sent_twice, "SM-2", DeliveryState.FAILED, "failed 30007"))

    message = the_text(sent_twice)
    assert (message.state, message.detail) == (DeliveryState.FAILED, "failed 30007")


def test_while_it_is_sent_again_the_new_attempt_may_be_heard_of_before_its_name_is_known(world):
    def failed_before_it_was_sent(world, message, reached):
        yield said_of(world, "SM-1", DeliveryState.FAILED, "late")
        yield said_of(world, "SM-2", DeliveryState.FAILED_FOR_NOW, "30003")
        yield from says_its_name(world, message, reached)

    texted(world)
    world.happens(said_of(world, "SM-1", DeliveryState.FAILED_FOR_NOW, "30003"))
    world.vendors["sms"] = failed_before_it_was_sent
    world.passes(minutes=1)

    assert the_text(world).state is DeliveryState.FAILED_FOR_NOW


@pytest.mark.parametrize(("vendor_id", "vendor"), [("", "sendgrid"), ("another", "sendgrid")])
def test_a_bounce_without_a_name_or_of_another_vendor_counts(world, vendor_id, vendor):
    texted(world)

    world.happens(said_of(world, vendor_id, DeliveryState.FAILED, "bounce", vendor))

    assert the_text(world).state is DeliveryState.FAILED


def test_reports_of_unknown_messages_change_nothing(world):
    world.alert(customer="orca")
    before = world.state
    world.happens(world.reported("another-m1", DeliveryState.DELIVERED))
    assert world.state == before


@pytest.mark.parametrize("again", ["never", "for_now"])
def test_a_second_answer_about_the_same_send_changes_nothing(world, again):
    world.alert(customer="orca")
    before = world.state
    message = world.letters[0].dispatch.message
    world.happens(NotSent(message=message, again=again, detail="late"))
    world.happens(Sent(message=message, reached="somebody else", vendor_id="v2"))
    assert world.state == before


def test_a_vendors_clock_that_runs_ahead_does_not_deliver_in_the_future(world):
    world.vendors["email"] = says_nothing
    world.alert(customer="orca")
    report = world.reported(world.letters[0].dispatch.message, DeliveryState.DELIVERED)
    world.now = world.now.replace(second=0)
    ahead = report.report.model_copy(update={"at": world.now.replace(hour=23)})
    world.happens(report.model_copy(update={"report": ahead}))
    assert told(world).done == world.now


def test_mail_that_bounces_after_it_was_delivered_goes_over_the_next_channel(world):
    world.alert(customer="orca")
    world.happens(world.reported(world.letters[0].dispatch.message, DeliveryState.FAILED))
    assert world.reached == [("email", "desk"), ("sms", "desk")]


def refused_later(world, kind, **what):
    """A command that was queued, and is refused when a worker comes to it."""
    command = world.command(kind, **what)
    with pytest.raises(CommandRefused) as refusal:
        world.says(kind, **what)
    return command, refusal.value


def test_whoever_was_told_queued_is_told_when_it_is_refused_and_only_once(world):
    world.alert()
    command, refusal = refused_later(world, say.FinishStep, step="dance")
    for _ in range(2):
        world.becomes(refuse(world.case, command, refusal, world.now))

    [letter] = world.sent("refusal")
    assert (letter.channel, letter.to) == ("sms", "ana")
    assert letter.dispatch.subject == "Your step was refused"
    assert 'there is no step "dance"' in letter.dispatch.text
    assert len(world.log("refused")) == 1
    assert not world.state.seen[command.id].accepted


def test_time_that_passes_without_anything_due_changes_nothing(world):
    world.alert(customer="orca")
    before = world.state
    world.happens(TimePassed())
    assert world.state == before


def test_a_text_that_the_vendor_gave_up_for_now_is_sent_again_ever_less_often():
    def switched_off(world, message, reached):
        yield from says_nothing(world, message, reached)
        yield world.reported(message.id, DeliveryState.FAILED_FOR_NOW, "undelivered 30003")

    world = World(plan=harbour.plan_with("via: [email, sms]}}", "via: sms}}"))
    world.vendors["sms"] = switched_off
    world.alert(customer="orca")
    world.acknowledges()
    world.passes(minutes=7)
    assert [world.after(letter.at) for letter in world.sent("notice")] == [
        timedelta(minutes=minutes) for minutes in (0, 1, 3, 7)
    ]
    world.vendors["sms"] = delivers
    world.passes(minutes=8)
    assert world.owed("owners").duties[0].done == world.now
    world.passes(hours=5)
    assert len(world.sent("notice")) == 5


def test_a_mail_that_is_deferred_is_left_to_the_vendor_who_goes_on_trying():
    def deferred(world, message, reached):
        yield from says_nothing(world, message, reached)
        reported = world.reported(message.id, DeliveryState.FAILED_FOR_NOW, "deferred")
        yield reported.model_copy(update={"report": reported.report.model_copy(update={"is_tried_on": True})})

    world = World(plan=harbour.plan_with("via: [email, sms]}}", "via: email}}"))
    world.vendors["email"] = deferred
    world.alert(customer="orca")
    world.passes(hours=2)
    assert len(world.sent("notice")) == 1


@pytest.mark.parametrize(("severity", "rank"), [("storm", 1), ("gale", 2), ("breeze", 3)])
def test_a_message_knows_how_bad_its_incident_is_also_where_ranks_begin_elsewhere(severity, rank):
    plan = harbour.plan()
    later = {key: each.model_copy(update={"rank": each.rank * 10}) for key, each in plan.severities.items()}
    world = World(plan=plan.model_copy(update={"severities": later}))
    world.alert(severity=severity)
    assert world.letters[0].dispatch.rank == rank


def test_the_record_says_with_whom_a_message_went(world):
    def together(world, message, reached):
        note = "went in a digest with 25 others"
        yield Sent(message=message.id, reached=reached, vendor_id="vendor-1", note=note)

    world.vendors["email"] = together
    world.alert(customer="orca")
    [message] = world.state.messages.values()
    assert world.log("rendering") == [f"email {message.id}: went in a digest with 25 others"]


def test_of_what_went_in_a_digest_it_is_known_whom_it_reached_before_its_own_send_has_ended(world):
    def arrives_first(world, message, reached):
        yield world.reported(message.id, DeliveryState.DELIVERED, reached=reached)

    world.vendors["email"] = arrives_first
    world.alert(customer="orca")
    [message] = world.state.messages.values()
    assert (message.reached, message.sent, message.state) == ("desk", None, DeliveryState.DELIVERED)
