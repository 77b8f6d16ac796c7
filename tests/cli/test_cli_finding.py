"""Finding the incident that somebody means by the first characters of its id."""

from __future__ import annotations

import json

import pytest

from tests.cli.office import BREEZE, GALE, NIGHT, STORM, Desk, FakeIncidents, execution
from tocsin.cli import session
from tocsin.cli.errors import Ambiguous, NotFound, Usage
from tocsin.domain import naming


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "RETRIES", (0.0, 0.0))


@pytest.mark.parametrize(
    "typed", ["7F3K2", "7f3k2", " 7f ", STORM, f"incident-{STORM}", f"Post-Incident-{STORM}"]
)
async def test_any_unambiguous_beginning_will_do_in_either_case(typed: str) -> None:
    incidents = FakeIncidents([execution(STORM), execution(BREEZE)])

    assert (await session.resolve(incidents, typed)).incident == STORM


async def test_letters_that_sound_like_digits_are_put_right() -> None:
    incidents = FakeIncidents([execution("0111AABCDE")])

    assert (await session.resolve(incidents, "oil1a")).incident == "0111AABCDE"


async def test_a_beginning_of_two_open_incidents_is_refused_with_both() -> None:
    incidents = FakeIncidents([execution(STORM), execution(GALE, title="Fog")])

    with pytest.raises(Ambiguous) as refused:
        await session.resolve(incidents, "7F3")

    assert str(refused.value).splitlines() == [
        '"7F3" stands for 2 incidents; type more of the one you mean:',
        f"  {STORM}  open       The wind rises",
        f"  {GALE}  open       Fog",
    ]


async def test_of_several_the_only_one_that_still_runs_is_meant() -> None:
    incidents = FakeIncidents([execution(STORM), execution(GALE, is_running=False)])

    assert (await session.resolve(incidents, "7F3")).incident == STORM


async def test_a_resolved_incident_is_found_where_it_goes_on() -> None:
    after = naming.post_incident_workflow(STORM)
    incidents = FakeIncidents(
        [execution(STORM, is_running=False, hours_ago=1), execution(STORM, after, hours_ago=2)]
    )

    assert (await session.resolve(incidents, STORM)).workflow == after


async def test_the_next_incident_under_the_same_alert_is_not_taken_for_the_old_one() -> None:
    after = naming.post_incident_workflow(STORM)
    incidents = FakeIncidents([execution(STORM, hours_ago=0), execution(STORM, after, hours_ago=2)])

    assert (await session.resolve(incidents, STORM)).workflow == after


async def test_of_a_closed_incident_the_newest_run_is_shown() -> None:
    after = naming.post_incident_workflow(STORM)
    incidents = FakeIncidents(
        [
            execution(STORM, after, is_running=False, hours_ago=1),
            execution(STORM, is_running=False, hours_ago=9),
        ]
    )

    assert (await session.resolve(incidents, STORM)).workflow == after


async def test_what_was_declared_a_moment_ago_is_looked_for_again() -> None:
    incidents = FakeIncidents(appears_after=2)

    assert (await session.resolve(incidents, "7F3K2")).incident == STORM
    assert incidents.searches == 3


async def test_a_whole_id_is_asked_of_the_workflows_when_no_list_has_it() -> None:
    unlisted = execution(incident=None, workflow=naming.incident_workflow(STORM))
    incidents = FakeIncidents([], now={STORM: unlisted})

    found = await session.resolve(incidents, STORM)

    assert (found.workflow, found.incident) == (naming.incident_workflow(STORM), STORM)


async def test_nothing_found_says_where_to_look() -> None:
    with pytest.raises(NotFound, match=r'no incident begins with "ZZ"; `tocsin list --all`'):
        await session.resolve(FakeIncidents(), "zz")


@pytest.mark.parametrize("typed", ["", "7F3K2*", 'x" OR ""="', "7F3K2ABCDEF", "U2", "7F3K2-2"])
async def test_what_cannot_be_an_id_never_reaches_the_server(typed: str) -> None:
    incidents = FakeIncidents()

    with pytest.raises(Usage, match="is not the id of an incident"):
        await session.resolve(incidents, typed)

    assert incidents.searches == 0


def test_the_overview_puts_first_what_is_late_and_then_what_is_due_next() -> None:
    calm = execution("AAAAAAAAAA", next_deadline=NIGHT.replace(hour=9))
    soon = execution("BBBBBBBBBB", next_deadline=NIGHT.replace(hour=4))
    late = execution("CCCCCCCCCC", is_overdue=True)
    resolved = execution("DDDDDDDDDD", naming.post_incident_workflow("DDDDDDDDDD"), status="resolved")
    closed = execution("EEEEEEEEEE", is_running=False)
    before = execution("DDDDDDDDDD", is_running=False)

    shown = session.overview([closed, calm, before, resolved, soon, late])

    assert shown == [late, soon, calm, resolved, closed]


@pytest.mark.parametrize(("words", "code"), [(("show", "ZZ"), 3), (("show", "7F3"), 2), (("show", "%"), 2)])
def test_the_exit_code_tells_why_nothing_was_found(
    desk: Desk, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int
) -> None:
    desk.incidents.listed.append(execution(GALE))

    assert desk.types(*words, "-o", "json") == code

    printed = capsys.readouterr()
    assert printed.out == ""
    assert json.loads(printed.err)["exit_code"] == code
