"""Who replied STOP is not texted: the page goes another way at once, and the record says why."""

from __future__ import annotations

from tests.workflows.house import Lighthouse
from tocsin.domain import commands as say
from tocsin.domain.channel import Refused
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.state import Actor, Entry, Message

KIT = "+12025550101"


async def opt_outs_of(house: Lighthouse) -> list[str]:
    timeline = await house.incident.query("timeline", result_type=list[Entry])
    return [entry.text for entry in timeline if entry.kind == "opt-out"]


async def test_a_page_to_somebody_who_has_opted_out_rings_instead_and_the_record_says_so(
    house: Lighthouse,
) -> None:
    house.sms.failures = [Refused("Twilio refused the request with 400, code 21610", code="21610")]

    await house.alert()
    await house.until(lambda: house.phone.to == [KIT])

    assert house.sms.to == []
    [text, *_] = await house.incident.query("messages", result_type=list[Message])
    assert text.state is DeliveryState.FAILED
    assert "they replied STOP" in text.detail
    assert await opt_outs_of(house) == ["@kit wants no messages by sms, and gets none"]


async def test_a_stop_while_somebody_is_waited_for_goes_on_at_once(house: Lighthouse) -> None:
    await house.alert()
    await house.until(lambda: house.sms.to == [KIT])
    kit = Actor(key="kit", via="sms", proof="proven")

    await house.says(say.OptOut, actor=kit)
    await house.until(lambda: house.phone.to == [KIT])
    await house.says(say.OptOut, actor=kit, back=True)

    assert await opt_outs_of(house) == [
        "@kit wants no messages by sms, and gets none",
        "@kit wants messages by sms again",
    ]
