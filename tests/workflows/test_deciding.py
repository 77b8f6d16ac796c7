"""Who decides is whom their proof shows, whatever was written into the command."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.house import Lighthouse, Refused
from tocsin.domain import commands as say
from tocsin.domain.state import Actor, Witness
from tocsin.domain.view import IncidentView
from tocsin.domain.words import Verdict

MAX = "+12025550103"
PROMISE = "interim-report#1"


@pytest.fixture
async def asked(house: Lighthouse) -> Lighthouse:
    """The harbour master is asked to waive a report."""
    await house.alert()
    await house.until(lambda: len(house.sms.sent) == 1)
    await house.says(say.AskForWaiver, obligation=PROMISE, reason="The fleet is in port")
    await house.until(lambda: MAX in house.sms.to and "max@example.com" in house.email.to)
    return house


def waived(**words: Any) -> dict[str, Any]:
    return {"approval": 1, "approve": True, "actor": Actor(key="max"), **words}


async def test_the_harbour_master_waives_the_report_and_the_record_says_how_he_was_known(
    asked: Lighthouse,
) -> None:
    await asked.says(say.Decide, **waived(proof="I am max"))

    row = (await asked.ledger())[PROMISE]
    assert (row.verdict, row.reason) == (
        Verdict.WAIVED,
        "by @max by their password: The fleet is in port",
    )
    [approval] = (await asked.view()).approvals
    assert approval.witness == Witness(person="max", roles=("harbour_master",), how="by their password")


async def test_who_decided_is_proven_and_their_proof_is_kept_nowhere(asked: Lighthouse) -> None:
    await asked.says(say.Decide, **waived(proof="I am max", actor=Actor(key="max", via="sms")))

    timeline = await asked.incident.query("timeline")
    [decided] = [entry for entry in timeline if entry["text"].startswith("approval 1 approved")]
    assert decided["by"] == {"key": "max", "via": "cli", "proof": "proven"}
    assert "I am max" not in str(timeline)
    view = await asked.incident.query("view", result_type=IncidentView)
    assert "I am max" not in view.model_dump_json()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({}, "has to prove it"),
        ({"proof": "I am dee"}, "this is not the password"),
        (
            {"proof": "I am dee", "actor": Actor(key="dee")},
            "only Harbour master may decide this, and dee is not",
        ),
        ({"proof": "I am eve", "actor": Actor(key="eve", via="link")}, 'has no person "eve"'),
        ({"proof": "I am max", "approve": False}, "say why it is declined"),
        ({"proof": "I am max", "approval": 2}, "there is no approval 2; those that wait are: 1"),
    ],
)
async def test_nobody_else_decides(asked: Lighthouse, words: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        await asked.says(say.Decide, **waived(**words))

    assert (await asked.ledger())[PROMISE].verdict is Verdict.PENDING


async def test_a_witness_that_the_caller_wrote_is_none(asked: Lighthouse) -> None:
    forged = Witness(person="max", roles=("harbour_master",), how="because I say so")

    with pytest.raises(Refused, match="has to prove it"):
        await asked.says(say.Decide, **waived(witness=forged))
    with pytest.raises(Refused, match="this is not the password"):
        await asked.says(say.Decide, **waived(witness=forged, proof="please"))


async def test_a_decision_that_was_queued_is_proven_too_and_a_wrong_one_is_told(asked: Lighthouse) -> None:
    wrong = say.Decide(id="queued-1", **waived(proof="please"))
    await asked.incident.signal("queued_command", {"command": wrong.model_dump(mode="json")})
    view = await asked.view()
    assert view.approvals[0].is_open

    right = say.Decide(id="queued-2", **waived(proof="I am max"))
    await asked.incident.signal("queued_command", {"command": right.model_dump(mode="json")})
    view = await asked.eventually(asked.incident, lambda view: not view.approvals[0].is_open)

    assert view.approvals[0].decision == "approved"
    said = [entry["text"] for entry in await asked.incident.query("timeline") if entry["kind"] == "refused"]
    assert said == ["decide by @max (claimed): this is not the password"]
