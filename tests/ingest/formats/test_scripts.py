"""Monitors that run a program: what they tell it becomes a reading."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.ingest.harbour import NOON
from tocsin.domain.readings import Reading
from tocsin.ingest.formats.scripts import SCRIPTS
from tocsin.ingest.intake import alert_of
from tocsin.ingest.problems import Problem
from tocsin.library import PlanLibrary
from tocsin.sources import Origin

CAPTURES = Path(__file__).resolve().parents[4] / "shared" / "captures"

PROBLEM = {
    "NAGIOS_NOTIFICATIONTYPE": "PROBLEM",
    "NAGIOS_HOSTNAME": "quay-1",
    "NAGIOS_HOSTALIAS": "The north quay",
    "NAGIOS_HOSTSTATE": "UP",
    "NAGIOS_SERVICEDESC": "tide",
    "NAGIOS_SERVICESTATE": "CRITICAL",
    "NAGIOS_LASTSERVICESTATE": "OK",
    "NAGIOS_SERVICEOUTPUT": "CRITICAL - the quay is awash",
    "NAGIOS_LONGSERVICEOUTPUT": r"4.2 m\nrising",
    "NAGIOS_SERVICENOTESURL": "https://harbour.example/tides",
    "NAGIOS_LASTSERVICESTATECHANGE": "1795521600",
    "NAGIOS_CONTACTEMAIL": "kit@example.com",
    "NAGIOS_NOTIFICATIONAUTHOR": "kit",
}
RECOVERY = PROBLEM | {
    "NAGIOS_NOTIFICATIONTYPE": "RECOVERY",
    "NAGIOS_SERVICESTATE": "OK",
    "NAGIOS_LASTSERVICESTATE": "CRITICAL",
    "NAGIOS_SERVICEOUTPUT": "OK - the quay is dry",
}
HOST_DOWN = {
    "NAGIOS_NOTIFICATIONTYPE": "PROBLEM",
    "NAGIOS_HOSTNAME": "quay-1",
    "NAGIOS_HOSTSTATE": "DOWN",
    "NAGIOS_HOSTOUTPUT": "No answer",
}


def nagios(told: Mapping[str, str], **more: str) -> Reading:
    return SCRIPTS["nagios"].read({**told, **more})


def without_prefix(told: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix("NAGIOS_"): value for name, value in told.items()}


# ---- Nagios ----


def test_a_problem_of_a_service_fires_under_host_and_service() -> None:
    reading = nagios(PROBLEM)

    [said] = reading.sightings
    assert (reading.group, said.key, said.is_firing, said.remark) == ("quay-1!tide", "quay-1!tide", True, "")
    assert reading.title == "tide on quay-1: CRITICAL - the quay is awash"
    assert said.began == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert reading.labels == {
        "host": "quay-1",
        "service": "tide",
        "state": "CRITICAL",
        "severity": "critical",
    }
    assert reading.all_annotations == {
        "description": "CRITICAL - the quay is awash\n4.2 m\nrising",
        "runbook_url": "https://harbour.example/tides",
    }


def test_its_recovery_ends_the_same_alert_and_keeps_the_severity_that_it_had() -> None:
    reading = nagios(RECOVERY)

    [said] = reading.sightings
    assert (reading.group, said.key, said.is_firing) == ("quay-1!tide", "quay-1!tide", False)
    assert (said.labels["severity"], said.labels["state"]) == ("critical", "OK")


def test_a_problem_of_a_host_fires_under_the_host() -> None:
    reading = nagios(HOST_DOWN)

    assert (reading.group, reading.title, reading.is_firing) == ("quay-1", "quay-1: No answer", True)
    assert reading.labels == {"host": "quay-1", "state": "DOWN", "severity": "down"}


@pytest.mark.parametrize(
    ("type", "remark"),
    [
        ("ACKNOWLEDGEMENT", "nobody here has answered"),
        ("FLAPPINGSTART", "goes back and forth"),
        ("FLAPPINGSTOP", "no more"),
        ("FLAPPINGDISABLED", "looks for that no more"),
        ("DOWNTIMESTART", "is to be down"),
        ("DOWNTIMEEND", "not to be down any more"),
        ("DOWNTIMECANCELLED", "after all"),
        ("CUSTOM", "by hand"),
    ],
)
def test_everything_else_that_nagios_says_is_a_remark_that_wakes_nobody(type: str, remark: str) -> None:
    reading = nagios(PROBLEM, NAGIOS_NOTIFICATIONTYPE=type)

    assert remark in reading.sightings[0].remark
    assert not reading.is_firing


def test_custom_variables_are_labels_and_may_say_the_severity_but_not_the_host() -> None:
    reading = nagios(
        PROBLEM,
        NAGIOS__HOSTCUSTOMER="acme",
        NAGIOS__HOSTTEAM="harbour",
        NAGIOS__SERVICETEAM="tides",
        NAGIOS__SERVICESEVERITY="page",
        NAGIOS__SERVICEHOST="elsewhere",
        NAGIOS__CONTACTROOM="12",
        NAGIOS_LABEL_region="north",
    )

    said = {name: reading.labels.get(name) for name in ("customer", "team", "severity", "host", "region")}
    assert said == {
        "customer": "acme",
        "team": "tides",
        "severity": "page",
        "host": "quay-1",
        "region": "north",
    }
    assert "room" not in reading.labels


def test_what_nagios_says_of_people_goes_nowhere() -> None:
    assert "kit" not in nagios(PROBLEM, NAGIOS_NOTIFICATIONTYPE="ACKNOWLEDGEMENT").model_dump_json()


def test_macros_as_arguments_say_the_same_as_the_environment() -> None:
    assert nagios(without_prefix(PROBLEM)) == nagios(PROBLEM)


def test_a_macro_that_nagios_does_not_know_is_not_taken_at_its_word() -> None:
    reading = nagios(HOST_DOWN, SERVICEDESC="$SERVICEDESC$", _HOSTCUSTOMER="$_HOSTCUSTOMER$")

    assert reading.group == "quay-1"
    assert "customer" not in reading.labels


@pytest.mark.parametrize("written", ["0", "", "soon", "nan", "1e400", "-1", "99999999999999"])
def test_a_time_that_makes_no_sense_says_nothing(written: str) -> None:
    assert nagios(PROBLEM, NAGIOS_LASTSERVICESTATECHANGE=written).sightings[0].began is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"NAGIOS_HOSTNAME": ""}, "HOSTNAME is missing; set enable_environment_macros=1"),
        ({"NAGIOS_NOTIFICATIONTYPE": " "}, "NOTIFICATIONTYPE is missing"),
        ({"NAGIOS_NOTIFICATIONTYPE": "PROBLEMS"}, '"PROBLEMS" is none of those that there are: PROBLEM, RECOVERY'),
    ],
)  # fmt: skip
def test_what_is_missing_or_unknown_is_said_with_what_to_do(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(Problem) as refused:
        nagios(PROBLEM | wrong)

    assert said in refused.value.detail


def test_bytes_that_are_no_text_are_replaced() -> None:
    reading = nagios(PROBLEM, NAGIOS_SERVICEOUTPUT=b"tide \xff high".decode("utf-8", "surrogateescape"))

    assert reading.title == "tide on quay-1: tide � high"


def test_a_plan_reads_it_as_it_reads_any_alert(library: PlanLibrary) -> None:
    origin = Origin(source="nagios", format="nagios", plan="harbour")

    alert = alert_of(nagios(PROBLEM), library, NOON, origin)

    assert (alert.plan.name, alert.group, alert.source) == ("harbour", "quay-1!tide", "nagios")
    assert alert.alerts == {"quay-1!tide": True}


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captures of the real programs are not beside this")
@pytest.mark.parametrize(("name", "is_firing"), [("PROBLEM", True), ("RECOVERY", False)])
def test_what_nagios_really_said_is_understood(name: str, is_firing: bool) -> None:
    capture = json.loads((CAPTURES / f"nagios-{name}.json").read_text())

    reading = nagios(capture["env"])

    assert (reading.group, reading.is_firing) == ("db-1!replication", is_firing)
    assert reading.labels["severity"] == "critical"
    assert reading.title.startswith("replication on db-1: ")


# ---- Icinga ----

ICINGA = {
    "ICINGA_NOTIFICATIONTYPE": "PROBLEM",
    "ICINGA_HOSTNAME": "quay-1",
    "ICINGA_HOSTADDRESS": "192.0.2.7",
    "ICINGA_SERVICENAME": "tide",
    "ICINGA_SERVICESTATE": "Critical",
    "ICINGA_LASTSERVICESTATE": "OK",
    "ICINGA_SERVICEOUTPUT": "The quay is awash",
    "ICINGA_LASTSERVICESTATECHANGE": "1795521600.25",
    "ICINGA_LABEL_customer": "acme",
}


def test_icinga_says_the_same_in_its_own_environment() -> None:
    reading = SCRIPTS["icinga"].read(ICINGA)

    assert (reading.group, reading.is_firing) == ("quay-1!tide", True)
    assert reading.title == "tide on quay-1: The quay is awash"
    assert reading.sightings[0].began == datetime(2026, 11, 24, 12, 0, 0, 250_000, UTC)
    assert reading.labels == {
        "host": "quay-1",
        "service": "tide",
        "state": "Critical",
        "severity": "critical",
        "address": "192.0.2.7",
        "customer": "acme",
    }


def test_icinga_says_of_a_host_what_it_says_of_a_service() -> None:
    told = {
        "ICINGA_NOTIFICATIONTYPE": "RECOVERY",
        "ICINGA_HOSTNAME": "quay-1",
        "ICINGA_HOSTSTATE": "UP",
        "ICINGA_LASTHOSTSTATE": "DOWN",
        "ICINGA_SERVICENAME": "",
    }

    reading = SCRIPTS["icinga"].read(told)

    assert (reading.group, reading.is_firing, reading.labels["severity"]) == ("quay-1", False, "down")


def test_without_its_environment_icinga_is_not_understood() -> None:
    with pytest.raises(Problem, match="`env` must set it"):
        SCRIPTS["icinga"].read({"ICINGA_NOTIFICATIONTYPE": "PROBLEM"})


@pytest.mark.parametrize("missing", ["NOTIFICATIONTYPE", "HOSTNAME", "SERVICENAME", "SERVICESTATE"])
def test_what_the_command_of_icinga_leaves_out_is_named(missing: str) -> None:
    told = {name: said for name, said in ICINGA.items() if name != f"ICINGA_{missing}"}

    with pytest.raises(Problem, match=f"{missing} is missing; the NotificationCommand") as refused:
        SCRIPTS["icinga"].read(told)

    assert 'ICINGA_HOSTNAME = "$host.name$"' in refused.value.detail


def test_a_host_of_icingas_without_its_state_is_not_understood() -> None:
    with pytest.raises(Problem, match="HOSTSTATE is missing"):
        SCRIPTS["icinga"].read({"ICINGA_NOTIFICATIONTYPE": "PROBLEM", "ICINGA_HOSTNAME": "quay-1"})


# ---- Monit ----


def monit(event: str, service: str = "lamp", **more: str) -> Reading:
    return SCRIPTS["monit"].read(
        {"MONIT_HOST": "quay-1", "MONIT_SERVICE": service, "MONIT_EVENT": event, **more}
    )


def test_monit_names_what_is_wrong_with_a_service() -> None:
    reading = monit(
        "Does not exist", MONIT_DESCRIPTION="file doesn't exist", MONIT_DATE="Sun, 22 Nov 2026 19:30:34"
    )

    [said] = reading.sightings
    assert (reading.group, said.key, said.is_firing) == ("quay-1!lamp", "Existence", True)
    assert reading.title == "lamp on quay-1: file doesn't exist"
    assert reading.labels == {"host": "quay-1", "service": "lamp", "event": "Existence"}


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("Connection failed", "Connection succeeded"),
        ("Does not exist", "Exists"),
        ("Does exist", "Exists not"),
        ("Invalid type", "Type succeeded"),
        ("Link down", "Link up"),
        ("Resource limit matched", "Resource limit succeeded"),
        ("Data access error", "Data access succeeded"),
        ("Download bytes exceeded", "Download bytes ok"),
        ("Timeout", "Timeout recovery"),
        ("Checksum changed", "Checksum not changed"),
        ("Content match", "Content doesn't match"),
    ],
)
def test_the_two_ends_of_what_monit_says_are_one_alert(begins: str, ends: str) -> None:
    [first], [last] = monit(begins).sightings, monit(ends).sightings

    assert (first.is_firing, last.is_firing) == (True, False)
    assert first.key == last.key


def test_an_event_that_nobody_knows_rings() -> None:
    [said] = monit("The moon is full").sightings

    assert (said.key, said.is_firing) == ("The moon is full", True)


def test_an_argument_tells_two_limits_of_one_service_apart() -> None:
    memory, cpu = monit("Memory matched"), monit("CPU matched")

    assert memory.group == cpu.group
    assert memory.sightings[0].key != cpu.sightings[0].key


def test_run_by_hand_monit_is_missing() -> None:
    with pytest.raises(Problem, match="is this run by Monit"):
        SCRIPTS["monit"].read({})
