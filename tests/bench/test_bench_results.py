"""What the benchmark makes of its samples, and that it still runs. How fast anything is, no test says."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest

from bench import burst, busy, faults, first_message, ingest, pages
from bench.burst import Burst
from bench.faults import Block, judged
from bench.inbox import Text
from bench.ingest import Run
from bench.line import request
from bench.monitor import payload
from bench.percentiles import median_ratio, percentile, spread, uncertainty
from bench.plans import NEVER, copy_undigested
from bench.report import RESULTS, write
from bench.scale import QUICK, Metrics
from bench.storm import peak_memory
from tocsin.embedded.stack import ROOT
from tocsin.ingest.formats.alertmanager import AlertmanagerPayload
from tocsin.library import PlanLibrary
from tocsin.settings import environment

PERCENTILES = {"p50_ms", "p95_ms", "p99_ms"}
RATES = {"per_second", "p50_ms", "p99_ms"}

SCENARIOS = {
    "first_message": {"p50_ms", "p95_ms", "p99_ms", "p50_ratio", "p50_ratio_low", "p50_ratio_high"}
    | {"p50_ratio_same_steps", "p50_ratio_no_vendor"},
    "alert_accepted": {"p50_ms", "p95_ms", "p99_ms"},
    "alert_accepted_in_burst": {"p50_ms", "p95_ms", "p99_ms"},
    "bare_one_activity": {"p50_ms", "p95_ms", "p99_ms"},
    "bare_same_steps": {"p50_ms", "p95_ms", "p99_ms"},
    "bare_no_vendor": {"p50_ms", "p95_ms", "p99_ms"},
    "drain_8": {"seconds", "slowest_seconds", "bare_seconds", "ratio", "lost", "doubled", "turned_away"},
    "incident": {"history_events", "history_bytes", "opening_events", "first_messages_events", "commands"}
    | {"events_per_command", "after_resolution_events", "workflow_task_events", "activity_events"}
    | {"local_activity_events", "timer_events", "signal_events", "command_events"}
    | {"search_attribute_events", "other_events"},
    "page": PERCENTILES
    | {f"busy_{name}" for name in PERCENTILES}
    | {"busy_bare_p50_ms", "busy_p50_ratio", "busy_incidents"}
    | {"busy_commands_per_second", "busy_mails_per_second"},
    "pages_8": {"seconds", "pages_per_second", "lost", "doubled", "turned_away"},
    "broadcast_50": {
        "seconds",
        "recipients_per_second",
        "history_events",
        "lost",
        "doubled",
        "may_be_doubled",
    },
    "storm": {"incidents", "repeats", "signals", "uncounted", "largest_history", "accepted_seconds"}
    | {"seconds_to_last_page", "lost", "turned_away", "receiver_mb"},
    "ingest": {f"{kind}_{what}" for kind in ("distinct", "repeats", "mixed") for what in RATES}
    | {"bare_starts_per_second", "ratio_to_bare_starts"},
    "faults": PERCENTILES
    | {f"{when}_{name}" for when in ("well", "added") for name in PERCENTILES}
    | {"pages", "lost", "doubled", "well_lost", "well_doubled"},
    "machine": {"cpu", "cores", "memory_gib", "os", "python", "temporalio", "temporal_server", "load_before"},
    "run": {"date", "seconds", "samples", "burst_rounds"},
}
"""What `latest.json` holds after `--quick`."""

LOOKED_FOR = {
    "page": PERCENTILES - {"p95_ms"} | {"busy_p50_ms", "busy_p99_ms"},
    "pages_1000": {"seconds", "lost", "doubled"},
    "broadcast_100k": {"seconds", "recipients_per_second", "history_events", "lost", "doubled"},
    "faults": {"lost", "doubled", "added_p50_ms", "added_p99_ms"},
    "ingest": {f"{kind}_{what}" for kind in ("distinct", "repeats", "mixed") for what in RATES}
    | {"ratio_to_bare_starts"},
    "storm": {"incidents", "signals", "largest_history", "seconds_to_last_page", "receiver_mb"},
}
"""The names under which others look for the numbers of a full run."""


def test_a_percentile_is_a_sample_that_was_really_measured() -> None:
    samples = [5.0, 1.0, 4.0, 2.0, 3.0]

    assert percentile(samples, 50) == 3.0
    assert percentile(samples, 95) == 5.0
    assert percentile([*range(1, 201)], 95) == 190
    assert percentile([7.0], 1) == 7.0


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        percentile([], 50)


def test_seconds_are_reported_in_milliseconds() -> None:
    assert spread([0.010, 0.020, 0.030]) == {"p50_ms": 20.0, "p95_ms": 30.0, "p99_ms": 30.0}


def test_a_ratio_lies_within_its_own_uncertainty_which_is_the_same_each_time() -> None:
    ours, theirs = [3.0, 3.1, 3.3, 2.9, 3.2], [2.0, 2.1, 1.9, 2.2, 2.0]

    low, high = uncertainty(ours, theirs)

    assert low <= median_ratio(ours, theirs) <= high
    assert (low, high) == uncertainty(ours, theirs)


def test_the_first_message_is_compared_with_every_yardstick() -> None:
    metrics = first_message.summary(_taken())

    assert metrics["first_message"]["p50_ratio"] == 2.0
    assert metrics["first_message"]["p50_ratio_same_steps"] == 1.6
    assert metrics["first_message"]["p50_ratio_no_vendor"] == 4.0


def test_lost_and_doubled_messages_are_added_up_and_the_median_burst_counts() -> None:
    metrics = burst.summary(QUICK, *_bursts())

    assert metrics["drain_8"] == {
        "seconds": 3.0,
        "slowest_seconds": 9.0,
        "bare_seconds": 1.5,
        "ratio": 2.0,
        "lost": 1,
        "doubled": 2,
        "turned_away": 0,
    }


def test_a_text_message_knows_its_incident_by_where_its_delivery_is_reported() -> None:
    query = urlencode({"workflow": "incident-K7", "incident": "K7", "message": "K7-m1"})
    shown = {
        "at": "2026-11-24T12:00:00.250+00:00",
        "body": "K7F3K-1",
        "status_callback": f"http://x/y?{query}",
    }

    assert Text.of(shown) == Text(at=1795521600.25, body="K7F3K-1", incident="K7", message="K7-m1")
    assert not Text.of({**shown, "status_callback": ""}).incident


def test_the_monitors_alerts_are_understood_and_each_is_of_its_own_group() -> None:
    first, second = (AlertmanagerPayload.model_validate(payload(name)) for name in ("one", "two"))

    assert first.group_key != second.group_key
    assert {alert.fingerprint for alert in first.alerts}.isdisjoint(
        alert.fingerprint for alert in second.alerts
    )


def test_the_results_are_written_for_programs_for_people_and_for_a_glance(tmp_path: Path) -> None:
    write(tmp_path, _metrics(), dict.fromkeys(SCENARIOS["machine"], 1), dict.fromkeys(SCENARIOS["run"], 1))

    assert json.loads((tmp_path / "latest.json").read_text())["first_message"]["p50_ratio"] == 2.0
    page = (tmp_path / "latest.md").read_text()
    assert "**2.00 ×** as long as a bare workflow" in page
    assert "1 lost, 2 doubled" in page
    assert "after **40.0 s** (25.0 a second); 0 lost, 1 doubled" in page
    assert "added **900 ms** to the p50" in page
    assert "- kept: no page of a flood is lost (0)" in page
    assert "- **missed**: no page of a flood comes twice (1)" in page
    assert "| new alerts, each of which opens an incident | 2 | 100.0 | 100.0 |" in page
    assert "accepted at **0.50 ×** that rate" in page
    assert "- **missed**: thousands of repeats are no more than 20 signals (21)" in page
    assert "- **missed**: a broadcast to 100,000 has no more than 400 history events (401)" in page
    assert ET.parse(tmp_path / "latest.svg").getroot().tag.endswith("svg")


def test_a_request_is_ready_before_the_clock_runs() -> None:
    head, _, body = request("one").partition(b"\r\n\r\n")

    assert AlertmanagerPayload.model_validate_json(body).group_key == "one"
    assert f"Content-Length: {len(body)}".encode() in head.split(b"\r\n")


def test_a_receiver_that_is_not_there_has_no_memory() -> None:
    with pytest.raises(LookupError, match="no receiver listens on port 1"):
        peak_memory(1)


def test_a_page_under_load_is_compared_with_the_yardstick_under_that_load() -> None:
    page = _busy()["page"]

    assert page["busy_p50_ms"] == 60.0
    assert page["busy_p50_ratio"] == 1.5
    assert page["busy_commands_per_second"] == 4.0


def test_a_page_has_arrived_with_its_first_text_or_call_and_a_repeat_of_that_is_counted() -> None:
    sent = {"K7": 100.0, "M2": 101.0, "Q9": 102.0}
    arrived = [
        Text(at=101.5, body="", incident="M2", message="M2-m1"),
        Text(at=100.9, body="", incident="K7", message="K7-m1"),
        Text(at=100.5, body="", incident="K7", message="K7-m1"),
        Text(at=103.0, body="", incident="M2", message="M2-m2"),
        Text(at=103.0, body="", incident="somebody-else's", message="x"),
    ]

    block = judged(sent, arrived)

    assert sorted(block.waits) == [0.5, 0.5]
    assert (block.lost, block.doubled) == (1, 1)


def test_a_bad_day_is_compared_with_the_good_ones_before() -> None:
    found = _faults()["faults"]

    assert found["pages"] == 4
    assert found["lost"] == 1
    assert found["added_p50_ms"] == 900.0


def test_the_plans_that_are_measured_are_the_shipped_ones_without_digests(tmp_path: Path) -> None:
    shipped = PlanLibrary(ROOT / "plans", tmp_path / "state").plans
    measured = PlanLibrary(
        copy_undigested(ROOT / "plans", tmp_path / "plans"), tmp_path / "other-state"
    ).plans

    assert measured.keys() == shipped.keys()
    for name, loaded in measured.items():
        paging = loaded.plan.paging
        assert paging.digest.over == NEVER
        digest = shipped[name].plan.paging.digest
        as_shipped = loaded.plan.model_copy(update={"paging": paging.model_copy(update={"digest": digest})})
        assert as_shipped == shipped[name].plan


@pytest.mark.parametrize("scenario", LOOKED_FOR)
def test_the_results_that_are_kept_have_the_names_that_others_look_for(scenario: str) -> None:
    results = json.loads((RESULTS / "latest.json").read_text())
    if scenario not in results:
        pytest.skip(
            f"the results that are kept were measured before {scenario} was; `make bench` measures it"
        )

    assert results[scenario].keys() >= LOOKED_FOR[scenario]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_whoever_interrupts_it_finds_nothing_running(how: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "--quick", "--out", str(tmp_path)]
    variables = environment() | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE) as bench:
        assert bench.stdout is not None
        bench.stdout.read(1)  # "measuring …": everything runs
        assert len(_processes_of(tmp_path)) > 5
        bench.send_signal(how)
        assert bench.wait(100) == 130

    assert not _processes_of(tmp_path)
    assert not (tmp_path / "latest.json").exists()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_quick_run_writes_every_number(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "--quick", "--out", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, timeout=280)

    results = json.loads((tmp_path / "latest.json").read_text())

    assert {scenario: set(metrics) for scenario, metrics in results.items()} == SCENARIOS


def _processes_of(folder: Path) -> list[str]:
    """The processes that have their temporary files in this folder, as whatever a benchmark starts inherits."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has just ended, or is somebody else's
            if b"TMPDIR=" + bytes(folder) in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
    return found


def _taken() -> dict[str, list[float]]:
    return {
        "alert_accepted": [0.01],
        "first_message": [0.04, 0.04, 0.05],
        "bare_one_activity": [0.02, 0.02, 0.03],
        "bare_same_steps": [0.025],
        "bare_no_vendor": [0.01],
    }


def _bursts() -> tuple[list[Burst], list[Burst]]:
    ours = [
        Burst(2.0, lost=0, doubled=2, answers=(0.01,)),
        Burst(3.0, 1, 0, (0.02,)),
        Burst(9.0, 0, 0, (0.03,)),
    ]
    return ours, [Burst(1.5, lost=0, doubled=0)]


def _metrics() -> Metrics:
    incident = dict.fromkeys(SCENARIOS["incident"], 1.0)
    first = first_message.summary(_taken())
    return {
        **first,
        **burst.summary(QUICK, *_bursts()),
        "incident": incident,
        **pages.summary(1_000, Burst(40.0, lost=0, doubled=1)),
        **_faults(),
        "broadcast_100k": dict.fromkeys(SCENARIOS["broadcast_50"], 401.0),
        "page": first["page"] | _busy()["page"],
        "storm": dict.fromkeys(SCENARIOS["storm"], 21.0),
        **ingest.summary([Run(2.0, (0.1,) * 8)], [Run(2.0, (0.1,) * 4)], Run(0.5, (0.1,)), Run(1.0, (0.1,))),
    }


def _busy() -> Metrics:
    return busy.summary({"first_message": [0.06], "bare": [0.04]}, incidents=200, commands=4.0, mails=9.9)


def _faults() -> Metrics:
    well = [Block((0.1, 0.1), lost=0, doubled=0)] * 2
    return faults.summary(well, [Block((1.0, 2.0), lost=0, doubled=0), Block((0.5,), lost=1, doubled=0)])
