import contextlib
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.storeroom import Storeroom
from tocsin import dossier, papers, sealing
from tocsin.archive import DiskArchive
from tocsin.domain import commands as say
from tocsin.domain import naming
from tocsin.domain.messages import ArchiveIncident, KeepEntries, OpenRecord
from tocsin.domain.state import TOCSIN, Entry, IncidentState
from tocsin.files import write_whole
from tocsin.library import PlanLibrary
from tocsin.manifest import Manifest
from tocsin.pdf import NotPrintable
from tocsin.verifying import verify

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
    assert again == second.model_copy(update={"bridge_pin": ""}), "its bridge has a PIN already"
    assert len(list((state / "incidents").iterdir())) == 2


def test_each_incident_has_a_pin_of_its_own_for_the_bridge(archive, library):
    first, second = archive.open(record(library)), archive.open(record(library, "run-2"))
    assert first.bridge_pin.isdecimal()
    assert (len(first.bridge_pin), first.bridge_pin == second.bridge_pin) == (6, False)


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


# ---- archiving ----


@pytest.fixture
def storeroom(tmp_path: Path) -> Storeroom:
    return Storeroom.at(tmp_path)


def test_the_whole_record_is_there_when_an_incident_is_over(storeroom):
    folder = storeroom.archived()
    assert IncidentState.model_validate_json((folder / "incident.json").read_bytes()) == storeroom.state
    assert [path for path in storeroom.files() if "/" not in path] == [
        "calendar.json",
        "evidence.json",
        "incident.json",
        "ledger.json",
        "manifest.json",
        "messages.json",
        "plan.json",
        "record.json",
        "timeline.jsonl",
    ]
    assert [path for path in storeroom.files() if path.startswith("reports/")] == [
        "reports/final.md",
        "reports/interim.md",
    ]


def test_the_plan_is_the_version_that_the_incident_ran_with_its_templates(storeroom):
    content = (storeroom.archived() / "plan.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == storeroom.state.plan.hash
    assert json.loads(content).keys() == {"plan", "templates"}


def test_the_ledger_has_every_promise_with_its_verdict(storeroom):
    rows = json.loads((storeroom.archived() / "ledger.json").read_bytes())
    assert {row["key"]: row["verdict"] for row in rows}["summon"] == "met"


def test_reports_name_the_people_of_today_and_the_whole_timeline(storeroom):
    interim = (storeroom.archived() / "reports" / "interim.md").read_text()
    assert interim.startswith("# Interim report\n\nPort of Pedra · incident ")
    assert "\n## Cause\n\na squall" in interim
    assert "\n## Who took part\n\nAna\n" in interim


def test_a_person_who_has_left_the_directory_keeps_their_key_in_the_reports(storeroom):
    directory = storeroom.plans / "harbour" / "directory.yaml"
    directory.write_text(directory.read_text().replace("ana", "ada"))
    assert "\n## Who took part\n\n@ana\n" in (storeroom.archived() / "reports" / "interim.md").read_text()


def test_evidence_lies_beside_the_record_under_its_hash(storeroom):
    folder = storeroom.archived()
    [piece] = json.loads((folder / "evidence.json").read_bytes())
    assert (piece["name"], piece["kept"], piece["by"]["key"]) == ("auth.log", True, "ana")
    assert (folder / "evidence" / piece["sha256"]).read_bytes() == storeroom.log
    assert (folder / "evidence" / piece["sha256"]).samefile(storeroom.store.path(piece["sha256"]))


def test_where_the_disk_has_no_second_names_evidence_is_copied(storeroom, monkeypatch):
    monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    folder = storeroom.archived()
    assert [path.read_bytes() for path in (folder / "evidence").iterdir()] == [storeroom.log]


def test_evidence_that_is_not_in_the_store_keeps_no_incident_from_closing(storeroom, caplog):
    [piece] = storeroom.state.evidence.values()
    storeroom.store.path(piece.sha256).unlink()
    [row] = json.loads((storeroom.archived() / "evidence.json").read_bytes())
    assert row["kept"] is False
    assert "evidence 1 of an incident is not in the store" in caplog.text


def test_histories_that_were_saved_are_part_of_it(storeroom):
    with storeroom.archive.history_folder(storeroom.state.id) as folder:
        (folder / "incident.json").write_text("{}")
    storeroom.archived()
    assert "history/incident.json" in storeroom.files()
    assert storeroom.verify() == ()


def test_histories_that_come_late_are_sealed_with_the_rest(storeroom):
    storeroom.archived()
    with storeroom.archive.history_folder(storeroom.state.id) as folder:
        (folder / "incident.json").write_text("{}")
    found = verify(storeroom.incident)
    assert found.problems == ()
    assert sealing.contradictions(storeroom.folder, storeroom.state.id, found.manifest) == []


def test_reports_are_printed_and_printed_again_are_the_same(storeroom):
    storeroom.archive = DiskArchive(storeroom.library, storeroom.folder)
    storeroom.archived()
    first = storeroom.contents()
    assert first["reports/final.pdf"].startswith(b"%PDF")
    storeroom.archived()
    assert storeroom.contents() == first


def test_a_report_that_cannot_be_printed_is_archived_in_words(storeroom, monkeypatch, caplog):
    def jams(_: object) -> bytes:
        raise NotPrintable("the typesetter failed with a panic")

    monkeypatch.setattr(papers, "to_pdf", jams)
    storeroom.archive = DiskArchive(storeroom.library, storeroom.folder)
    storeroom.archived()
    assert "reports/final.md" in storeroom.files()
    assert "reports/final.pdf" not in storeroom.files()
    assert "report final is archived without a PDF: the typesetter failed" in caplog.text


def test_nothing_in_a_sealed_archive_is_writable(storeroom):
    folder = storeroom.archived()
    modes = {
        path.relative_to(folder).as_posix(): path.stat().st_mode for path in [folder, *folder.rglob("*")]
    }
    assert {path: mode for path, mode in modes.items() if mode & 0o222} == {}


def test_the_manifest_lists_every_file_with_size_and_hash_and_the_end_of_the_timeline(storeroom):
    folder = storeroom.archived()
    manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    assert [each.path for each in manifest.files] == [
        path for path in storeroom.files() if path != "manifest.json"
    ]
    for each in manifest.files:
        content = (folder / each.path).read_bytes()
        assert (each.size, each.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    last = json.loads((folder / "timeline.jsonl").read_bytes().splitlines()[-1])
    assert (manifest.entries, manifest.head) == (last["number"], last["chain"])


# ---- archiving again ----


def test_archiving_twice_comes_to_the_same(storeroom):
    storeroom.archived()
    first, hash = storeroom.contents(), storeroom.hash
    storeroom.archived()
    assert storeroom.contents() == first
    assert storeroom.hash == hash
    assert len((storeroom.folder / "seals.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize("after", range(12))
def test_a_kill_between_two_files_is_made_up_for(storeroom, monkeypatch, after):
    expected = Storeroom.at(storeroom.folder / "undisturbed")
    expected.archived()
    written = iter(range(after))

    def killed(path: Path, content: bytes) -> None:
        if next(written, None) is None:
            (path.parent / f".{path.name}.half").write_bytes(content[: len(content) // 2])
            raise OSError("killed")
        write_whole(path, content)

    for module in (dossier, sealing):
        monkeypatch.setattr(module, "write_whole", killed)
    with contextlib.suppress(OSError):
        storeroom.archived()
    monkeypatch.undo()

    storeroom.archived()

    assert storeroom.contents() == expected.contents()
    assert storeroom.verify() == ()


def test_what_is_said_while_an_archive_is_written_is_in_the_next_one(storeroom):
    storeroom.archived()
    earlier = storeroom.state
    storeroom.world.says(say.AddNote, text="the bollards were repainted")
    storeroom.archived()
    assert "the bollards were repainted" in (storeroom.incident / "timeline.jsonl").read_text()
    assert storeroom.verify() == ()

    hash = storeroom.archive.archive(ArchiveIncident(state=earlier))  # a try that everybody had given up

    assert hash == storeroom.hash
    assert storeroom.verify() == ()


def test_a_late_repetition_of_an_earlier_flush_leaves_the_seal(storeroom):
    storeroom.archived()
    storeroom.archive.keep(KeepEntries(incident=storeroom.state.id, entries=storeroom.state.timeline[:2]))
    assert storeroom.verify() == ()


def test_a_plan_that_the_installation_has_no_more_is_taken_from_the_store(storeroom):
    (storeroom.plans / "harbour").rename(storeroom.plans.parent / "gone")
    shutil.copytree(PLANS / "allcode", storeroom.plans / "allcode")
    storeroom.library = PlanLibrary(storeroom.plans, storeroom.folder)
    storeroom.archive = DiskArchive(storeroom.library, storeroom.folder)
    storeroom.archived()
    assert storeroom.verify() == ()


def refuse(number: int):
    def refused(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refused
