"""An incident at the lighthouse, as drama."""

from __future__ import annotations

from datetime import timedelta

from tests.workflows.house import Lighthouse
from tocsin.domain import commands as say
from tocsin.domain.words import Verdict

KIT, DEE = "+12025550101", "+12025550102"


async def test_nobody_answers_so_the_page_climbs_from_sms_to_call_to_the_deputy(house: Lighthouse) -> None:
    began = await house.now()
    await house.alert()
    await house.until(lambda: house.sms.to == [KIT])

    await house.passes(minutes=5, seconds=1)
    await house.until(lambda: house.phone.to == [KIT])
    await house.passes(minutes=5)
    await house.until(lambda: house.phone.to == [KIT, DEE])
    await house.says(say.Acknowledge, actor={"key": "dee"})

    row = (await house.ledger())["summon"]
    assert row.verdict is Verdict.MET
    assert row.settled is not None
    assert timedelta(minutes=10) < row.settled - began < timedelta(minutes=15)
    await house.passes(hours=2)
    assert house.phone.to == [KIT, DEE], "an answered page must not ring again"


async def test_a_whole_incident_from_the_bell_to_the_archive(house: Lighthouse) -> None:
    await house.alert()
    await house.until(lambda: house.sms.to == [KIT])
    await house.says(say.Acknowledge)
    await house.says(say.FinishStep, step="lamp")
    await house.says(say.FinishStep, step="watch")
    await house.says(say.FinishStep, step="meet")
    assert (await house.view()).phase == "ongoing_assessment"

    await house.passes(hours=3, minutes=45)
    await house.until(lambda: len(house.email.sent) == 1)
    await house.deliver_everything()
    assert "Not yet known — owed by @kit (Keeper)" in house.email.sent[0].text
    await house.says(say.StateFact, name="cause", value="a moth in the works")
    await house.passes(hours=4)
    await house.until(lambda: len(house.email.sent) == 2)
    assert "a moth in the works" in house.email.sent[1].text
    await house.deliver_everything()

    await house.says(say.Resolve, summary="The moth was let out")
    outcome = await house.outcome(house.incident)
    assert outcome["status"] == "resolved"
    after = house.after()
    await house.says(say.FinishStep, after, step="clean")
    await house.says(say.SendReport, after, report="final")
    await house.until(lambda: len(house.email.sent) == 3)
    await house.deliver_everything(after)
    await house.outcome(after)

    [archived] = house.archive.archived
    verdicts = {key: item.verdict for key, item in archived.state.obligations.items()}
    assert verdicts == {
        "summon": Verdict.MET,
        "interim-report#1": Verdict.MET,
        "interim-report#2": Verdict.MET,
        "interim-report#3": Verdict.NOT_APPLICABLE,
        "final-report": Verdict.MET,
    }
