"""Nagios hears that a lamp is out and runs its notification command: somebody is paged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.outside import LONG, dead, first
from tests.monitors.lamps import Lamp
from tests.monitors.nagios import PROGRAM, Nagios, is_missing
from tests.monitors.pasted import PROGRAM as PASTED
from tests.monitors.pasted import alarm, shown
from tests.monitors.seen import incident_called, incidents_called, wait_until_it_is_said_to_be_over
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(is_missing(), reason=f"not installed: {PROGRAM}"),
]

DARK, LIT = 2, 0


@pytest.fixture(params=["macros in the environment", "macros as arguments"])
def nagios(request: pytest.FixtureRequest, house: Stack, lamp: Lamp, tmp_path: Path) -> Iterator[Nagios]:
    """A Nagios with the configuration from the documentation, which watches over a lamp of its own."""
    exports = request.param == "macros in the environment"
    command = shown("commands.cfg" if exports else "commands.cfg without the environment")
    program = str(alarm(tmp_path, house.child_environment()))
    pasted = (command + shown("contacts.cfg")).replace(PASTED, program)
    nagios = Nagios(tmp_path, lamp.name, pasted, exports)
    with nagios.running({"PATH": "/usr/bin:/bin"}):
        yield nagios


def test_a_lamp_goes_out_and_is_lit_again(nagios: Nagios, play: Play, lamp: Lamp) -> None:
    nagios.hears_of_the_service(DARK, 'CRITICAL - it\'s out; `id` | "quoted"')
    incident = incident_called(play, f"flame on {lamp.name}: CRITICAL")
    first(play, incident, "sms")

    nagios.hears_of_the_service(LIT, "OK - it burns")
    wait_until_it_is_said_to_be_over(play, incident)

    assert incidents_called(play, lamp.name) == [incident]


def test_a_whole_house_goes_dark(nagios: Nagios, play: Play, lamp: Lamp) -> None:
    nagios.hears_of_the_host(1, "No answer")

    incident_called(play, f"{lamp.name}: No answer")


def test_while_temporal_is_away_the_command_tries_again_because_nagios_does_not(
    nagios: Nagios, house: Stack, play: Play, lamp: Lamp
) -> None:
    with dead(house, "temporal"):
        nagios.hears_of_the_service(DARK, "CRITICAL - it is out")
        play.wait_for("the notification", lambda: "SERVICE NOTIFICATION" in nagios.log, LONG)

    incident = incident_called(play, f"flame on {lamp.name}")
    assert incidents_called(play, lamp.name) == [incident]
    assert nagios.log.count("SERVICE NOTIFICATION") == 1
