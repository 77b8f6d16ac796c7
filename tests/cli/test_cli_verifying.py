"""What is over, at the command line: verified, exported, and asked when Temporal no longer has it."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.cli.office import Desk, FakeIncidents, execution
from tests.storeroom import Storeroom, break_into
from tocsin.cli import session
from tocsin.cli.errors import Unavailable
from tocsin.cli.main import run
from tocsin.cli.office import Office
from tocsin.domain.commands import AddNote
from tocsin.settings import Settings
from tocsin.verifying import verify


class Counter(Desk):
    """A desk beside a storeroom."""

    room: Storeroom

    def types(self, *words: str) -> int:
        async def connect() -> FakeIncidents:
            if self.temporal_is_down:
                raise Unavailable("Temporal does not answer at 127.0.0.1:7233")
            return self.incidents

        settings = Settings(actor=self.actor, state=self.room.folder)
        return run(words, Office(connect=connect, settings=lambda: settings, now=lambda: self.now))

    @property
    def ref(self) -> str:
        return self.room.state.reference


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:
    """An incident that is over and archived, and that Temporal has forgotten."""
    monkeypatch.setattr(session, "RETRIES", ())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    counter = Counter(incidents=FakeIncidents(listed=[]))
    counter.room = Storeroom.at(tmp_path / "room")
    counter.room.archived()
    return counter


def tampered(path: Path, old: str, new: str) -> None:
    mode = path.stat().st_mode
    path.chmod(0o644)
    path.write_text(path.read_text().replace(old, new, 1))
    path.chmod(mode)


# ---- verifying ----


def test_an_archive_that_is_whole_says_so_and_names_its_manifest(counter, capsys):
    counter.temporal_is_down = True
    assert counter.types("verify", counter.ref) == 0
    first, second = capsys.readouterr().out.splitlines()
    state = counter.room.state
    assert first == f"intact: incident {state.id}, {state.entries} entries, 11 files, 1 of evidence"
    assert second == f"manifest SHA-256 {counter.room.hash}"


def test_a_copy_is_verified_without_anything_else(counter, capsys):
    shutil.copytree(counter.room.incident, "copy")
    counter.room.folder.rename("gone")
    assert counter.types("verify", "copy", "-o", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["problems"], found["manifest"]) == ([], counter.room.hash)


def test_each_problem_is_a_line_and_the_exit_code_is_1(counter, capsys):
    tampered(counter.room.incident / "ledger.json", "missed", "met")
    assert counter.types("verify", counter.ref) == 1
    *problems, count = capsys.readouterr().err.splitlines()
    assert problems[0].startswith("ledger.json was changed: ")
    assert "ledger.json has met" in problems[1]
    assert count == "2 problems"


def test_problems_in_json(counter, capsys):
    break_into(counter.room.incident)
    (counter.room.incident / "calendar.json").unlink()
    assert counter.types("verify", counter.ref, "-o", "json") == 1
    assert json.loads(capsys.readouterr().err)["problems"] == ["calendar.json is missing"]


def test_a_manifest_is_compared_with_what_was_kept_elsewhere(counter, capsys):
    assert counter.types("verify", counter.ref, "--manifest", counter.room.hash.upper()) == 0
    assert counter.types("verify", counter.ref, "--manifest", "0" * 64) == 1
    assert f"manifest.json has the SHA-256 {counter.room.hash}, and not" in capsys.readouterr().err


def test_an_archive_that_was_exchanged_as_a_whole_contradicts_the_list_of_seals(counter, tmp_path, capsys):
    other = Storeroom.at(tmp_path / "other")
    other.world.says(AddNote, text="all was well")
    break_into(counter.room.incident)
    shutil.rmtree(counter.room.incident)
    shutil.copytree(other.archived(), counter.room.incident)
    assert verify(counter.room.incident).problems == ()
    assert counter.types("verify", counter.ref) == 1
    assert "was sealed with the manifest" in capsys.readouterr().err


def test_an_incident_that_is_not_there_is_not_found(counter, capsys):
    assert counter.types("verify", "ZZZZZ") == 3
    assert "set TOCSIN_STATE to the state folder" in capsys.readouterr().err


def test_an_incident_that_is_not_over_is_verified_as_far_as_it_goes(counter, capsys):
    shutil.copytree(counter.room.incident, counter.room.folder / "incidents" / "7F3K2ABCDE")
    keep_only(counter.room.folder / "incidents" / "7F3K2ABCDE", "record.json", "timeline.jsonl")
    assert counter.types("verify", "7F3K2") == 0
    assert "entries so far; incident 7F3K2ABCDE is not archived yet" in capsys.readouterr().out


def keep_only(folder: Path, *names: str) -> None:
    break_into(folder)
    for path in folder.iterdir():
        if path.name not in names:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_an_archive_without_histories_cannot_be_replayed(counter, capsys):
    assert counter.types("verify", counter.ref, "--replay") == 1
    assert "history/ is not there: nothing can be replayed" in capsys.readouterr().err


def test_a_history_that_does_not_replay_is_named(counter, capsys):
    with counter.room.archive.history_folder(counter.room.state.id) as folder:
        (folder / "01-incident.json").write_text("{")
    assert counter.types("verify", counter.ref) == 0
    assert counter.types("verify", counter.ref, "--replay") == 1
    assert "history/01-incident.json: this is no history" in capsys.readouterr().err


# ---- exporting ----


def test_an_archive_is_exported_as_a_folder_that_verifies(counter, capsys):
    counter.temporal_is_down = True
    assert counter.types("export", counter.ref, "for-the-auditor") == 0
    assert "12 files in for-the-auditor" in capsys.readouterr().out
    assert verify(Path("for-the-auditor")).manifest == counter.room.hash
    assert verify(Path("for-the-auditor")).problems == ()


def test_an_archive_is_exported_as_a_zip_that_verifies(counter):
    assert counter.types("export", counter.ref, "out/record.zip") == 0
    zipfile.ZipFile("out/record.zip").extractall("unpacked")
    assert verify(Path("unpacked")).problems == ()


@pytest.mark.parametrize("target", ["taken", "taken.zip"])
def test_an_export_writes_over_nothing(counter, capsys, target):
    Path(target).write_text("mine")
    assert counter.types("export", counter.ref, target) == 1
    assert f"{target} is there already" in capsys.readouterr().err
    assert Path(target).read_text() == "mine"


@pytest.mark.parametrize("target", ["file/inside", "file/inside.zip"])
def test_an_export_that_fails_leaves_nothing(counter, capsys, target):
    Path("file").write_text("a file where a folder belongs")
    assert counter.types("export", counter.ref, target) == 1
    assert f"{target} could not be written" in capsys.readouterr().err


def test_of_an_incident_that_is_not_over_the_record_so_far_is_exported(counter, capsys):
    keep_only(counter.room.incident, "record.json")
    counter.incidents = FakeIncidents(listed=[execution(counter.room.state.id)], world=counter.room.world)
    assert counter.types("export", counter.ref, "so-far") == 0
    assert "is not over: 6 files" in capsys.readouterr().out
    files = {path.relative_to("so-far").as_posix() for path in Path("so-far").rglob("*") if path.is_file()}
    [piece] = counter.room.state.evidence.values()
    assert files == {
        "record.json",
        "so-far/view.json",
        "so-far/ledger.json",
        "so-far/timeline.json",
        "so-far/messages.json",
        f"evidence/{piece.sha256}",
    }
    assert verify(Path("so-far")).problems == ()


# ---- asking what Temporal no longer has ----


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("show", "The wind rises"),
        ("ledger", "summon"),
        ("timeline", "evidence 1: auth.log"),
        ("messages", "delivered"),
        ("report {} interim", "a squall"),
        ("evidence list", "auth.log"),
    ],
)
def test_an_incident_that_has_left_temporal_answers_from_its_archive(counter, capsys, words, said):
    line = words.format(counter.ref) if "{}" in words else f"{words} {counter.ref}"
    assert counter.types(*line.split()) == 0
    assert said in capsys.readouterr().out


def test_an_incident_that_no_worker_can_answer_for_any_more_answers_from_its_archive(counter, capsys):
    listed = execution(counter.room.state.id, is_running=False, status="closed")
    counter.incidents = FakeIncidents(listed=[listed], world=None)
    assert counter.types("ledger", counter.ref) == 0
    assert "summon" in capsys.readouterr().out


def test_an_archive_that_this_version_cannot_read_says_how_to_check_it(counter, capsys):
    tampered(counter.room.incident / "incident.json", '"severity"', '"weather"')
    assert counter.types("show", counter.ref) == 1
    assert "`tocsin verify" in capsys.readouterr().err
