"""Hours of faults on a clock that skips: what vendors, directories and lists get wrong, as the ledger tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.workflows import lighthouse
from tests.workflows.crowd import Harbour
from tests.workflows.house import Lighthouse, workers_of
from tocsin.domain import commands as say
from tocsin.domain.channel import AccountRefused, OutcomeUnknown, Refused, TryAgain
from tocsin.domain.delivery import DeliveryReport, DeliveryState
from tocsin.domain.events import Delivery
from tocsin.domain.state import Entry, Message
from tocsin.domain.view import LedgerRow
from workflows import limits

RADIO, MAX = "fleet@example.org", "+12025550103"
RADIOS_PHONE = "+12025550120"

NOTICES = """
  - id: warn-fleet
    title: The fleet is warned
    clause: "4"
    from: aware
    within: PT2H
    when_late: harbour_master
    do: [{notify: {audience: fleet, via: [email, sms], wait: PT20M}}]
  - id: thank-fleet
    title: The fleet is told when the lamp is back
    clause: "5"
    from: mitigated
    within: PT2H
    do: [{notify: {audience: fleet}}]
  - id: warn-pilots
    title: The pilots are warned
    clause: "6"
    from: mitigated
    within: PT1H
    when_late: harbour_master
    do: [{notify: {audience: pilots}}]
intake:"""


@pytest.fixture
async def coast(env: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lighthouse]:
    """A lighthouse that warns the fleet by email, then by text; it would warn pilots, and there are none."""
    plan = lighthouse.PLAN.replace("\nintake:", NOTICES).replace(
        "\nfacts:", "\n  pilots: {title: The pilots}\nfacts:"
    )
    directory = lighthouse.DIRECTORY.replace(RADIO, f'{RADIO}, phone: "{RADIOS_PHONE}"')
    monkeypatch.setattr(lighthouse, "PLAN", plan)
    monkeypatch.setattr(lighthouse, "DIRECTORY", directory)
    house = Lighthouse(env)
    async with workers_of(house):
        yield house


@pytest.fixture
async def ships(env: WorkflowEnvironment) -> AsyncIterator[Lighthouse]:
    """A lighthouse that warns every ship on a list."""
    house = Lighthouse(env, archive=Harbour())
    async with workers_of(house):
        yield house


async def promise(house: Lighthouse, key: str, verdict: str) -> LedgerRow:
    """A promise's line on the ledger, once it has this verdict."""
    async with asyncio.timeout(20):
        while (row := (await house.ledger())[key]).verdict != verdict:
            await asyncio.sleep(0.05)
    return row


async def said(house: Lighthouse, kind: str) -> list[str]:
    """The timeline's texts of one kind, without the number of the incident."""
    entries = await house.incident.query("timeline", result_type=list[Entry])
    return [entry.text.replace(f"{house.key}-", "") for entry in entries if entry.kind == kind]


async def messages(house: Lighthouse, channel: str, purpose: str) -> list[Message]:
    """The messages of one kind, as the incident knows them."""
    known = await house.incident.query("messages", result_type=list[Message])
    return [message for message in known if (message.channel, message.purpose) == (channel, purpose)]


async def message(house: Lighthouse, channel: str, purpose: str = "notice", number: int = 1) -> Message:
    """One of them, once it is known as taken by the vendor."""
    async with asyncio.timeout(20):
        while True:
            known = [each for each in await messages(house, channel, purpose) if each.sent]
            if len(known) >= number:
                return known[number - 1]
            await asyncio.sleep(0.05)


async def report(house: Lighthouse, id: str, state: DeliveryState, detail: str = "") -> None:
    """A vendor's word about a message, as the receiver passes it on."""
    said = DeliveryReport(
        vendor="sendgrid",
        vendor_id="",
        state=state,
        detail=detail,
        is_tried_on=detail.startswith("deferred"),
        at=await house.now(),
    )
    delivery = Delivery(incident=house.key, message=id, report=said)
    await house.incident.signal("delivery", delivery)


async def answered(house: Lighthouse) -> None:
    """The lamp is out, and kit is on it."""
    await house.alert()
    await house.until(lambda: len(house.sms.sent) == 1)
    await house.says(say.Acknowledge)


# ---- what a vendor took and did not deliver ----


async def test_mail_that_is_deferred_and_not_heard_of_again_is_followed_by_a_text_after_its_wait(
    coast: Lighthouse,
) -> None:
    await answered(coast)
    mail = await message(coast, "email")
    await report(coast, mail.id, DeliveryState.FAILED_FOR_NOW, "deferred 421 try again later")

    await coast.passes(minutes=19)
    assert RADIOS_PHONE not in coast.sms.to, "the mail has its twenty minutes"
    await coast.passes(minutes=2)
    text = await message(coast, "sms")
    assert (await promise(coast, "warn-fleet", "pending")).reason == ""
    await report(coast, text.id, DeliveryState.DELIVERED)

    row = await promise(coast, "warn-fleet", "met")
    assert row.reason == "delivered to @radio by sms"
    assert await said(coast, "undelivered") == [
        "email m2 to @radio: not delivered so far, so sms is tried as well"
    ]
    assert await said(coast, "delivery") == [
        "email m2 to @radio failed for now: deferred 421 try again later",
        "sms m3 to @radio delivered",
    ]
    assert (coast.email.to.count(RADIO), coast.sms.to.count(RADIOS_PHONE)) == (1, 1)


async def test_a_deferral_that_overtakes_the_vendors_answer_is_followed_by_a_text_as_well(
    coast: Lighthouse,
) -> None:
    coast.email.gate.clear()
    await answered(coast)
    async with asyncio.timeout(20):
        while not (mails := await messages(coast, "email", "notice")):
            await asyncio.sleep(0.05)
    await report(coast, mails[0].id, DeliveryState.FAILED_FOR_NOW, "deferred")
    coast.email.gate.set()
    await message(coast, "email")

    await coast.passes(minutes=21)
    text = await message(coast, "sms")
    await report(coast, text.id, DeliveryState.DELIVERED)

    assert (await promise(coast, "warn-fleet", "met")).reason == "delivered to @radio by sms"


async def test_mail_that_is_returned_after_it_was_delivered_is_owed_again_and_goes_by_text(
    coast: Lighthouse,
) -> None:
    await answered(coast)
    mail = await message(coast, "email")
    await report(coast, mail.id, DeliveryState.DELIVERED)
    assert (await promise(coast, "warn-fleet", "met")).reason == "delivered to @radio"

    await report(coast, mail.id, DeliveryState.FAILED, "bounce 550 5.1.1")

    text = await message(coast, "sms")
    (overtaken,) = (await promise(coast, "warn-fleet", "pending")).judgements
    assert overtaken.verdict == "met"
    assert overtaken.reason.endswith("to @radio was returned after it had been delivered: bounce 550 5.1.1")
    await report(coast, text.id, DeliveryState.DELIVERED)
    assert (await promise(coast, "warn-fleet", "met")).reason == "delivered to @radio by sms"
    assert len((await promise(coast, "warn-fleet", "met")).judgements) == 1


async def test_a_report_that_is_returned_and_has_no_other_way_is_owed_until_it_is_sent_again(
    coast: Lighthouse,
) -> None:
    await answered(coast)
    await coast.says(say.SendReport, report="interim")
    first = await message(coast, "email", "report")
    await report(coast, first.id, DeliveryState.DELIVERED)
    await promise(coast, "interim-report#1", "met")

    await report(coast, first.id, DeliveryState.FAILED, "bounce 550 5.1.1")
    row = await promise(coast, "interim-report#1", "pending")
    assert row.reason == "not delivered to @radio by email: bounce 550 5.1.1"
    await coast.passes(hours=4)
    row = await promise(coast, "interim-report#1", "overdue")
    assert row.reason == "not delivered to @radio by email: bounce 550 5.1.1"

    await coast.says(say.SendReport, report="interim")
    again = await message(coast, "email", "report", number=2)
    await report(coast, again.id, DeliveryState.DELIVERED)
    assert (await promise(coast, "interim-report#1", "late")).reason == "delivered to @radio"
    assert len(await messages(coast, "email", "report")) == 2, "the second report keeps its time"


@pytest.mark.parametrize("refusal", [Refused("400", code="400"), AccountRefused("401", code="401")])
async def test_mail_that_the_vendor_will_never_take_goes_by_text_at_once(
    coast: Lighthouse, refusal: Refused
) -> None:
    coast.email.failures = [refusal]
    await answered(coast)
    text = await message(coast, "sms")
    await report(coast, text.id, DeliveryState.DELIVERED)

    assert (await promise(coast, "warn-fleet", "met")).reason == "delivered to @radio by sms"
    (line,) = await said(coast, "not sent")
    assert line == f"email m2 to fleet/radio: {refusal}"
    assert coast.email.sent == []


async def test_what_a_vendor_refuses_for_the_accounts_sake_leaves_by_itself_once_the_account_is_right(
    coast: Lighthouse,
) -> None:
    await answered(coast)
    coast.email.failures = [AccountRefused("SendGrid refused the email with 401", code="401")]
    await coast.says(say.SendReport, report="interim")
    await coast.until(lambda: not coast.email.failures)
    await coast.passes(minutes=3)

    mail = await message(coast, "email", "report")
    await report(coast, mail.id, DeliveryState.DELIVERED)
    assert (await promise(coast, "interim-report#1", "met")).reason == "delivered to @radio"
    assert len(await messages(coast, "email", "report")) == 1, "nobody had to send it again"


async def test_a_number_that_cannot_receive_texts_leaves_the_promise_owed_and_somebody_is_called(
    coast: Lighthouse,
) -> None:
    coast.email.failures = [Refused("SendGrid refused the email with 400", code="400")]
    await answered(coast)
    text = await message(coast, "sms")
    await report(coast, text.id, DeliveryState.FAILED, "undelivered 30006")

    why = "not delivered to @radio by sms: undelivered 30006"
    async with asyncio.timeout(20):
        while (await promise(coast, "warn-fleet", "pending")).reason != why:
            await asyncio.sleep(0.05)
    await coast.passes(hours=2, seconds=1)

    assert (await promise(coast, "warn-fleet", "overdue")).reason == why
    await coast.until(lambda: MAX in coast.sms.to)


# ---- vendors that are busy, out of reach, or silent ----


async def test_a_vendor_that_asks_to_wait_is_waited_for_and_the_mail_leaves_once(coast: Lighthouse) -> None:
    coast.email.failures = [
        TryAgain("SendGrid is busy and answered 429", timedelta(minutes=3)),
        TryAgain("SendGrid is broken and answered 503"),
    ]
    await answered(coast)
    await coast.until(lambda: len(coast.email.failures) == 1)

    await coast.passes(minutes=2)
    assert len(coast.email.failures) == 1, "nobody has asked again before the three minutes are over"
    await coast.passes(minutes=2)
    mail = await message(coast, "email")
    await report(coast, mail.id, DeliveryState.DELIVERED)

    assert (await promise(coast, "warn-fleet", "met")).reason == "delivered to @radio"
    assert coast.email.to == [RADIO]
    assert await said(coast, "not sent") == []


async def test_a_vendor_that_is_away_for_a_long_time_is_on_the_record_and_asked_until_it_is_back(
    coast: Lighthouse,
) -> None:
    await answered(coast)
    await message(coast, "email")
    coast.email.failures = [TryAgain("SendGrid could not be reached")] * (limits.NOTICE_ATTEMPTS + 2)
    await coast.says(say.SendReport, report="interim")

    await coast.passes(minutes=15)
    mail = await message(coast, "email", "report")
    await report(coast, mail.id, DeliveryState.DELIVERED)

    assert (await promise(coast, "interim-report#1", "met")).reason == "delivered to @radio"
    assert await said(coast, "not sent") == ["email m3 to fleet/radio: SendGrid could not be reached"]
    assert mail.attempt == 2
    assert coast.email.to == [RADIO, RADIO], "the warning, and the report once"


async def test_mail_of_which_the_vendor_has_not_said_whether_it_took_it_is_sent_again_under_its_own_name(
    coast: Lighthouse,
) -> None:
    coast.email.failures = [OutcomeUnknown("SendGrid took the email and gave no answer")]
    await answered(coast)
    mail = await message(coast, "email")
    await report(coast, mail.id, DeliveryState.DELIVERED)

    assert (await promise(coast, "warn-fleet", "met")).reason == "delivered to @radio"
    assert [sent.message_id for sent in coast.email.sent] == [mail.id]


# ---- what vendors say twice, too late, or about nothing of ours ----


async def test_callbacks_that_are_doubled_out_of_order_or_about_nothing_change_the_record_once(
    coast: Lighthouse,
) -> None:
    await answered(coast)
    mail = await message(coast, "email")

    await report(coast, mail.id, DeliveryState.DELIVERED)
    row = await promise(coast, "warn-fleet", "met")
    for late in (DeliveryState.DELIVERED, DeliveryState.FAILED_FOR_NOW, DeliveryState.SENT):
        await report(coast, mail.id, late, "said late")
    await report(coast, f"{coast.key}-m99", DeliveryState.FAILED, "nobody has sent this")
    await coast.passes(hours=1)

    assert (await coast.ledger())["warn-fleet"] == row
    assert row.reason == "delivered to @radio"
    assert await said(coast, "delivery") == ["email m2 to @radio delivered"]
    assert (coast.email.to, RADIOS_PHONE in coast.sms.to) == ([RADIO], False)


async def test_a_page_whose_failures_are_reported_twice_climbs_once_for_each(coast: Lighthouse) -> None:
    await coast.alert()
    text = await message(coast, "sms", "page")
    for _ in range(2):
        await report(coast, text.id, DeliveryState.FAILED, "undelivered 30006")
    call = await message(coast, "phone", "page")
    for _ in range(2):
        await report(coast, call.id, DeliveryState.NO_ANSWER, "busy")
    deputys = await message(coast, "phone", "page", number=2)
    await report(coast, text.id, DeliveryState.DELIVERED, "said late")

    await coast.says(say.Acknowledge, actor={"key": "dee", "via": "phone", "proof": "proven"})

    assert (await promise(coast, "summon", "met")).reason == "acknowledged by @dee (by phone)"
    assert len(coast.phone.sent) == 2
    assert await said(coast, "delivery") == [
        "sms m1 to @kit failed: undelivered 30006",
        f"phone {call.id.removeprefix(coast.key + '-')} to @kit no answer: busy",
    ]
    assert deputys.reached == "dee"


# ---- audiences and lists ----


async def test_two_notices_to_one_audience_are_two_messages_each_with_its_own_line(coast: Lighthouse) -> None:
    await answered(coast)
    await message(coast, "email")
    await coast.says(say.SetAnchor, anchor="mitigated", at=await coast.now(), reason="lit")
    await message(coast, "email", number=2)

    for mail in await messages(coast, "email", "notice"):
        await report(coast, mail.id, DeliveryState.DELIVERED)

    for key in ("warn-fleet", "thank-fleet"):
        assert (await promise(coast, key, "met")).reason == "delivered to @radio"
    assert coast.email.to == [RADIO, RADIO]
    assert len({mail.message_id for mail in coast.email.sent}) == 2
    assert [mail.subject for mail in coast.email.sent] == [
        "The fleet is warned",
        "The fleet is told when the lamp is back",
    ]


async def test_an_audience_of_nobody_is_owed_and_overdue_and_somebody_is_told(coast: Lighthouse) -> None:
    await answered(coast)
    await coast.says(say.SetAnchor, anchor="mitigated", at=await coast.now(), reason="lit")
    await message(coast, "email", number=2)
    why = "the directory has nobody for pilots"
    assert (await promise(coast, "warn-pilots", "pending")).reason == why

    await coast.passes(hours=1, seconds=1)

    assert (await promise(coast, "warn-pilots", "overdue")).reason == why
    assert await said(coast, "nobody") == [why]
    await coast.until(lambda: MAX in coast.sms.to)


async def test_of_a_list_with_a_broken_row_the_others_are_told_and_the_ledger_counts_it(
    ships: Lighthouse,
) -> None:
    ships.crowd.recipients, ships.crowd.malformed = 20, 1

    await ships.alert()

    row = await promise(ships, "warn-ships", "met")
    assert row.reason == "taken by the vendor for 19 of 20; 1 malformed"
    assert (await said(ships, "broadcast"))[-1].endswith(row.reason)
    assert ships.crowd.accepted == 19


@pytest.mark.parametrize("malformed", [4, 6])
async def test_a_list_of_which_too_few_could_be_written_to_keeps_no_promise(
    ships: Lighthouse, malformed: int
) -> None:
    ships.crowd.recipients, ships.crowd.malformed = 6, malformed

    await ships.alert()

    await ships.eventually(ships.incident, lambda view: any(each.done for each in view.broadcasts))
    row = await promise(ships, "warn-ships", "pending")
    assert row.reason == (
        f"taken by the vendor for {6 - malformed} of 6; {malformed} malformed, and the plan wants 90%"
    )


async def test_a_list_of_nobody_is_owed_and_overdue(ships: Lighthouse) -> None:
    ships.crowd.recipients, ships.crowd.problem = 0, "the list ships.csv has nobody"
    await ships.alert()
    await ships.eventually(ships.incident, lambda view: any(each.done for each in view.broadcasts))
    assert (await promise(ships, "warn-ships", "pending")).reason == "the list ships.csv has nobody"

    await ships.passes(hours=1, seconds=1)

    assert (await promise(ships, "warn-ships", "overdue")).reason == "the list ships.csv has nobody"
