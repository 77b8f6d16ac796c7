import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tocsin.archive import DiskArchive
from tocsin.domain import naming
from tocsin.domain.messages import ArchiveIncident, KeepEntries, OpenRecord
from tocsin.domain.state import TOCSIN, Actor, Entry, IncidentState
from tocsin.library import PlanLibrary

PLANS = Path(__file__).parents[1] / "plans"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = "7F3K2ABCDE"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def library(state: Path) -> PlanLibrary:
    return PlanLibrary(PLANS, state)


@pytest.fixture
def archive(library: PlanLibrary, state: Path) -> DiskArchive:
    return DiskArchive(library, state)


def record(library, opened_by="run-1", incident=None) -> OpenRecord:
    return OpenRecord(
        key=KEY,
        plan=library.plans["allcode"].pin,
        opened_by=opened_by,
        opened=NOON,
        title="checkout-api is down",
        incident=incident,
    )


def entries(*numbers: int) -> tuple[Entry, ...]:
    return tuple(Entry(number=n, at=NOON, by=TOCSIN, kind="note", text=f"entry {n} — ü") for n in numbers)


def kept(state: Path) -> list[int]:
    lines = (state / "incidents" / KEY / "timeline.jsonl").read_text().splitlines()
    return [json.loads(line)["number"] for line in lines]


# ---- opening ----


def test_the_first_incident_under_a_key_is_called_like_the_key(archive, library, state):
    opened = archive.open(record(library))
    assert (opened.incident, opened.follows) == (KEY, None)
    assert opened.plan == library.plans["allcode"].plan
    logged = json.loads((state / "incidents" / KEY / "record.json").read_text())
    assert (logged["title"], logged["plan"]["hash"]) == ("checkout-api is down", opened.plan_hash)


def test_the_next_incident_under_the_key_has_another_name_and_names_the_one_before(archive, library):
    archive.open(record(library))
    second = archive.open(record(library, "run-2"))
    third = archive.open(record(library, "run-3"))
    assert (second.incident, second.follows) == (naming.identify(KEY, "run-2"), KEY)
    assert third.follows == second.incident


def test_a_run_that_asks_again_gets_the_same_answer(archive, library):
    first = archive.open(record(library))
    archive.open(record(library, "run-2"))
    assert archive.open(record(library)) == first


def test_a_run_that_goes_on_brings_its_plan_and_opens_nothing(archive, library, state):
    archive.open(record(library))
    second = archive.open(record(library, "run-2"))
    again = archive.open(record(library, "run-9", incident=second.incident))
    assert again == second
    assert len(list((state / "incidents").iterdir())) == 2


def test_the_calendar_comes_along_pinned(archive, library):
    calendar = archive.open(record(library)).calendar
    assert calendar.timezone == "America/Los_Angeles"
    assert datetime(2026, 12, 25, tzinfo=UTC).date() in calendar.days_off


def test_a_key_never_becomes_a_path(archive, library, state):
    archive.open(record(library).model_copy(update={"key": "../../outside"}))
    assert [path.name for path in (state / "keys").iterdir()] == ["%2E%2E%2F%2E%2E%2Foutside.jsonl"]


_OPENER = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from tocsin.archive import DiskArchive
from tocsin.domain.messages import OpenRecord
from tocsin.library import PlanLibrary

plans, state, key, who = sys.argv[1:]
library = PlanLibrary(Path(plans), Path(state))
archive = DiskArchive(library, Path(state))
sys.stdin.readline()
for number in range(25):
    pin = library.plans["allcode"].pin
    opened = datetime(2026, 3, 2, 12, tzinfo=UTC)
    archive.open(OpenRecord(key=key, plan=pin, opened_by=f"{who}-{number}", opened=opened, title="x"))
"""


def test_two_processes_that_open_incidents_under_one_key_make_one_chain(library, archive, state):
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", _OPENER, str(PLANS), str(state), KEY, who],
            stdin=subprocess.PIPE,
            text=True,
        )
        for who in ("one", "two")
    ]
    for opener in openers:
        opener.stdin.write("go\n")
        opener.stdin.flush()
    for opener in openers:
        opener.communicate(timeout=60)
        assert opener.returncode == 0
    chain = [json.loads(line) for line in (state / "keys" / f"{KEY}.jsonl").read_text().splitlines()]
    assert len(chain) == len({item["opened_by"] for item in chain}) == 50
    assert [item["incident"] for item in chain].count(KEY) == 1
    assert chain[0]["incident"] == KEY


# ---- a bad disk ----


def test_a_disk_that_fails_stops_no_page(library, tmp_path, caplog):
    (tmp_path / "full").write_text("a file where a folder belongs")
    opened = DiskArchive(library, tmp_path / "full").open(record(library))
    assert (opened.incident, opened.follows) == (naming.identify(KEY, "run-1"), None)
    assert "not wholly in the archive" in caplog.text


def test_an_incident_keeps_the_name_on_its_keys_list_when_only_its_folder_fails(archive, library, state):
    (state / "incidents").write_text("a file where a folder belongs")
    assert archive.open(record(library)).incident == KEY
    assert archive.open(record(library, "run-2")).follows == KEY


def test_a_list_that_the_disk_spoilt_stops_no_page_either(archive, library, state, caplog):
    archive.open(record(library))
    (state / "keys" / f"{KEY}.jsonl").write_bytes(b"\0" * 80 + b"\n")
    assert archive.open(record(library, "run-2")).incident == naming.identify(KEY, "run-2")
    assert "not JSON" in caplog.text


def test_a_line_that_a_crash_cut_short_is_written_over(archive, library, state):
    archive.open(record(library))
    with (state / "keys" / f"{KEY}.jsonl").open("ab") as file:
        file.write(b'{"incident": "CUT SH')
    assert archive.open(record(library, "run-2")).follows == KEY
    assert b"CUT" not in (state / "keys" / f"{KEY}.jsonl").read_bytes()


# ---- keeping ----


def test_entries_are_kept_once_however_often_they_come(archive, state):
    assert archive.keep(KeepEntries(incident=KEY, entries=entries(1, 2))) == 2
    assert archive.keep(KeepEntries(incident=KEY, entries=entries(1, 2, 3))) == 3
    assert archive.keep(KeepEntries(incident=KEY, entries=entries(2))) == 3
    assert kept(state) == [1, 2, 3]


def test_no_entries_are_no_news(archive):
    assert archive.keep(KeepEntries(incident=KEY, entries=())) == 0


def test_a_disk_that_fails_is_said_when_entries_are_to_be_kept(library, tmp_path):
    (tmp_path / "full").write_text("a file where a folder belongs")
    with pytest.raises(OSError, match="full"):
        DiskArchive(library, tmp_path / "full").keep(KeepEntries(incident=KEY, entries=entries(1)))


def test_the_whole_record_is_there_when_an_incident_is_over(archive, library, state):
    archive.keep(KeepEntries(incident=KEY, entries=entries(1, 2)))
    over = IncidentState(
        id=KEY,
        key=KEY,
        plan=library.plans["allcode"].pin,
        title="checkout-api is down",
        severity="high",
        opened=NOON,
        source="alertmanager",
        reporter=Actor(key="alertmanager", via="monitor"),
        timeline=list(entries(2, 3)),
    )
    archive.archive(ArchiveIncident(state=over))
    assert kept(state) == [1, 2, 3]
    text = (state / "incidents" / KEY / "incident.json").read_text()
    assert IncidentState.model_validate_json(text) == over


# ---- tampering ----


@pytest.mark.parametrize(
    ("tamper", "number"),
    [
        (lambda lines: lines, None),
        (lambda lines: [lines[0], lines[1].replace("entry 2", "entry zwei"), lines[2]], 2),
        (lambda lines: [lines[0], lines[2]], 3),
        (lambda lines: lines[1:], 2),
    ],
    ids=["untouched", "changed", "taken out", "beginning taken out"],
)
def test_a_timeline_shows_where_it_was_altered(archive, state, tamper, number):
    archive.keep(KeepEntries(incident=KEY, entries=entries(1, 2)))
    archive.keep(KeepEntries(incident=KEY, entries=entries(3)))
    file = state / "incidents" / KEY / "timeline.jsonl"
    file.write_text("".join(tamper(file.read_text().splitlines(keepends=True))))
    assert archive.first_altered(KEY) == number
