"""An archive that was touched says so: which file, which entry, and what is wrong with it."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.storeroom import Storeroom, break_into
from tocsin import chain, sealing
from tocsin.domain.commands import AddNote
from tocsin.manifest import Manifest, files_below, listed_as_found
from tocsin.verifying import verify

FLIPS = 400


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Storeroom:
    """An archive that nobody touches."""
    room = Storeroom.at(tmp_path_factory.mktemp("sealed"))
    with room.archive.history_folder(room.state.id) as folder:
        (folder / "incident-1.json").write_text('{"events": []}')
    room.archived()
    return room


@pytest.fixture
def copy(sealed: Storeroom, tmp_path: Path) -> Path:
    """The archive as somebody else has it, who may write to it."""
    folder = tmp_path / "copy"
    shutil.copytree(sealed.incident, folder)
    break_into(folder)
    return folder


def problems(folder: Path) -> list[str]:
    return list(verify(folder).problems)


def entries(folder: Path) -> list[str]:
    return (folder / "timeline.jsonl").read_text().splitlines(keepends=True)


def rewrite(folder: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Change the lines of the timeline."""
    (folder / "timeline.jsonl").write_text("".join(change(entries(folder))))


def forge_manifest(folder: Path, incident: str | None = None) -> None:
    """Make the manifest anew, so that it agrees with whatever is in the folder now."""
    before = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    lines = [json.loads(line) for line in entries(folder)]
    files = tuple(listed_as_found(folder, path) for path in files_below(folder))
    anew = Manifest(
        incident=incident or before.incident, entries=len(lines), head=chain.head_of(lines), files=files
    )
    (folder / "manifest.json").write_bytes(anew.written())


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


# ---- untouched ----


def test_an_archive_that_nobody_touched_is_as_it_was_written(sealed, copy):
    found = verify(copy)
    assert found.problems == ()
    assert found.is_archived
    assert found.incident == sealed.state.id
    assert found.manifest == sealed.hash
    assert (found.entries, found.evidence) == (sealed.state.entries, 1)
    assert found.files == len(sealed.files()) - 1


def test_verifying_needs_neither_temporal_nor_the_plans(copy):
    program = f"""
import sys
from pathlib import Path
from tocsin.verifying import verify
assert verify(Path({str(copy)!r})).problems == ()
heavy = {{"temporalio", "jinja2", "ruamel", "httpx"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=copy)


# ---- any byte, any line, any file ----


def test_a_single_flipped_byte_anywhere_shows(copy):
    dice = random.Random(20261122)
    files = [path for path in copy.rglob("*") if path.is_file()]
    places = [(path, at) for path in files for at in range(path.stat().st_size)]
    # Of each file some bytes, and then some of all: the small ones are not lost among the large.
    chosen = [(path, dice.randrange(path.stat().st_size)) for path in files for _ in range(8)]
    unseen = []
    for path, at in [*chosen, *dice.sample(places, FLIPS)]:
        content = path.read_bytes()
        path.write_bytes(content[:at] + bytes([content[at] ^ dice.randrange(1, 256)]) + content[at + 1 :])
        if not problems(copy):
            unseen.append(f"{path.relative_to(copy)}:{at}")
        path.write_bytes(content)
    assert unseen == []
    assert problems(copy) == []


def test_any_byte_of_the_manifest_itself_counts(copy):
    manifest = copy / "manifest.json"
    content = manifest.read_bytes()
    unseen = []
    for at in range(len(content)):
        # Upper for lower case, and one kind of blank for another: what a reader of JSON would not mind.
        other = 0x09 if content[at] in b" \n" else content[at] ^ 0x20
        manifest.write_bytes(content[:at] + bytes([other]) + content[at + 1 :])
        if not problems(copy):
            unseen.append(at)
    assert unseen == []


def test_any_file_that_is_taken_away_is_missed_by_its_name(copy):
    for path in [path for path in copy.rglob("*") if path.is_file()]:
        content = path.read_bytes()
        path.unlink()
        name = path.relative_to(copy).as_posix()
        assert [problem for problem in problems(copy) if problem.startswith(f"{name} is missing")], name
        path.write_bytes(content)


def test_any_line_that_is_taken_out_shows(copy):
    for path in [path for path in copy.rglob("*") if path.is_file()]:
        lines = path.read_bytes().splitlines(keepends=True)
        for at in range(0, len(lines), max(1, len(lines) // 20)):
            path.write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
            assert problems(copy) != [], f"{path.relative_to(copy)}:{at + 1}"
        path.write_bytes(b"".join(lines))


def test_a_file_that_was_added_is_named(copy):
    (copy / "reports" / "another.md").write_text("all was well")
    assert problems(copy) == ["reports/another.md is additional: manifest.json does not have it"]


def test_a_link_is_no_file_of_an_archive(copy):
    (copy / "incident.json").rename(copy.parent / "elsewhere.json")
    (copy / "incident.json").symlink_to(copy.parent / "elsewhere.json")
    assert "incident.json is no file, but a link or a device" in problems(copy)


# ---- the timeline ----


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [*lines[:2], lines[2].replace("acknowledged", "forgotten"), *lines[3:]], None),
        (lambda lines: [*lines[:2], *lines[3:]], "timeline.jsonl:3: entry 3 is missing before entry 4"),
        (
            lambda lines: [*lines[:2], *lines[4:]],
            "timeline.jsonl:3: entries 3 to 4 are missing before entry 5",
        ),
        (lambda lines: lines[1:], "timeline.jsonl:1: entry 1 is missing before entry 2"),
        (
            lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
            "timeline.jsonl:4: entry 3 stands behind entry 4: swapped, or put in",
        ),
        (
            lambda lines: [*lines[:3], lines[2], *lines[3:]],
            "timeline.jsonl:4: entry 3 stands behind entry 3: swapped, or put in",
        ),
    ],
    ids=["changed", "taken out", "two taken out", "the first taken out", "swapped", "doubled"],
)
def test_a_timeline_says_which_entry_is_not_as_it_was_written(copy, change, said):
    text = json.loads(entries(copy)[2])["text"]
    rewrite(
        copy, change if said else lambda lines: [*lines[:2], lines[2].replace(text, "all quiet"), *lines[3:]]
    )
    said = said or "timeline.jsonl:3: entry 3 was changed, or comes from another incident"
    assert said in problems(copy)
    forge_manifest(copy)
    assert said in problems(copy)


def test_the_last_entry_is_missed_even_by_a_manifest_that_was_made_to_match(sealed, copy):
    last = sealed.state.entries
    rewrite(copy, lambda lines: lines[:-1])
    assert f"timeline.jsonl has {last - 1} entries, and had {last}" in problems(copy)
    forge_manifest(copy)
    assert problems(copy) == [f"timeline.jsonl ends with entry {last - 1}, and incident.json counts {last}"]


def test_a_timeline_that_is_cut_off_says_where(sealed, copy):
    rewrite(copy, lambda lines: [*lines[:-1], lines[-1][:40]])
    assert [each for each in problems(copy) if f"timeline.jsonl:{sealed.state.entries} is no entry" in each]


def test_an_entry_of_another_incident_is_recognised(copy, tmp_path):
    other = Storeroom.at(tmp_path / "other")
    other.world.passes(minutes=1)
    foreign = entries(other.archived())
    text = json.loads(foreign[2])["text"]
    changed = json.dumps(json.loads(foreign[2]) | {"text": text + "!"}) + "\n"
    rewrite(copy, lambda lines: [*lines[:2], changed, *lines[3:]])
    assert "timeline.jsonl:3: entry 3 was changed, or comes from another incident" in problems(copy)


def test_a_timeline_that_was_chained_anew_contradicts_the_incident(copy):
    lines = [json.loads(line) for line in entries(copy)]
    lines[-1]["text"] = "nothing was owed"
    anew = chain.chained({name: line[name] for name in line if name != "chain"} for line in lines)
    (copy / "timeline.jsonl").write_text(
        "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in anew)
    )
    assert "timeline.jsonl ends with another chain than manifest.json has" in problems(copy)
    forge_manifest(copy)
    last = lines[-1]["number"]
    assert problems(copy) == [f"timeline.jsonl: entry {last} is not the one that incident.json has"]


# ---- files that contradict one another, under a manifest that was made to match ----


def test_a_verdict_that_was_improved_contradicts_the_incident(copy):
    edit(copy / "ledger.json", '"missed"', '"met"')
    forge_manifest(copy)
    [problem] = problems(copy)
    assert problem.startswith("the promise ")
    assert "ledger.json has met" in problem
    assert "incident.json missed" in problem


def test_a_promise_that_was_taken_off_the_ledger_is_missed(copy):
    rows = json.loads((copy / "ledger.json").read_text())
    kept = [row for row in rows if row["key"] != "summon"]
    (copy / "ledger.json").write_text(json.dumps(kept))
    forge_manifest(copy)
    assert problems(copy) == ['the promise "summon" is in incident.json, and not in ledger.json']


def test_evidence_that_was_exchanged_is_not_the_content_of_its_name(sealed, copy):
    [path] = (copy / "evidence").iterdir()
    path.write_bytes(sealed.log.replace(b"root", b"rooT"))
    forge_manifest(copy)
    [problem] = problems(copy)
    assert problem.startswith(f"evidence/{path.name} is not the content of that name")


def test_evidence_that_was_taken_away_is_missed_by_its_number_and_name(copy):
    [path] = (copy / "evidence").iterdir()
    path.unlink()
    forge_manifest(copy)
    assert problems(copy) == [f"evidence 1 (auth.log): its content, evidence/{path.name}, is missing"]


def test_evidence_that_was_never_in_the_store_is_a_problem_of_the_archive(tmp_path):
    room = Storeroom.at(tmp_path)
    [piece] = room.state.evidence.values()
    room.store.path(piece.sha256).unlink()
    assert problems(room.archived()) == [
        "evidence 1 (auth.log): its content was not in the store when the incident was archived"
    ]


def test_another_version_of_the_plan_is_recognised_by_its_hash(copy):
    edit(copy / "plan.json", "Harbour safety policy", "Harbour comfort policy")
    forge_manifest(copy)
    [problem] = problems(copy)
    assert problem.startswith("plan.json is version ")


def test_messages_that_were_changed_contradict_the_incident(copy):
    edit(copy / "messages.json", '"delivered"', '"failed"')
    forge_manifest(copy)
    assert problems(copy) == ["messages.json does not have the messages that incident.json has"]


def test_a_record_of_another_incident_is_recognised(sealed, copy):
    edit(copy / "record.json", f'"incident": "{sealed.state.id}"', '"incident": "7F3K2ABCDE"')
    forge_manifest(copy)
    assert any(problem.startswith("record.json is about incident ") for problem in problems(copy))


def test_a_manifest_of_another_incident_is_recognised(sealed, copy):
    forge_manifest(copy, incident="7F3K2ABCDE")
    assert problems(copy) == [
        f"manifest.json is about incident 7F3K2ABCDE, and incident.json about {sealed.state.id}"
    ]


# ---- incidents that are not over ----


def test_of_an_incident_that_is_not_over_the_timeline_so_far_is_checked(copy):
    for path in copy.iterdir():
        if path.name not in {"record.json", "timeline.jsonl"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    found = verify(copy)
    assert (found.is_archived, found.manifest, found.problems) == (False, None, ())
    rewrite(copy, lambda lines: lines[1:])
    assert problems(copy) == ["timeline.jsonl:1: entry 1 is missing before entry 2"]


# ---- the list of seals ----


def test_an_archive_that_was_rewritten_as_a_whole_contradicts_the_list_of_seals(tmp_path):
    room = Storeroom.at(tmp_path)
    room.archived()
    assert sealing.contradictions(room.folder, room.state.id, room.hash) == []
    [contradiction] = sealing.contradictions(room.folder, room.state.id, "0" * 64)
    assert f"was sealed with the manifest {room.hash}" in contradiction


def test_a_list_of_seals_that_was_rewritten_says_where(tmp_path):
    room = Storeroom.at(tmp_path)
    room.archived()
    room.world.says(AddNote, text="the bollards were repainted")
    room.archived()
    seals = room.folder / "seals.jsonl"
    seals.write_text(seals.read_text().replace('"entries": ', '"entries": 1', 1))
    [contradiction] = sealing.contradictions(room.folder, room.state.id, room.hash)
    assert contradiction == "seals.jsonl:1 was changed, or a line before it was taken out"


def test_an_archive_without_a_seal_on_the_list_is_said_to_have_none(tmp_path):
    room = Storeroom.at(tmp_path)
    room.archived()
    (room.folder / "seals.jsonl").unlink()
    [contradiction] = sealing.contradictions(room.folder, room.state.id, room.hash)
    assert contradiction == f"seals.jsonl has no seal of incident {room.state.id}"
