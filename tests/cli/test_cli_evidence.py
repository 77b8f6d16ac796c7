"""Evidence at the command line: it is safe in the store before anybody is told of it."""

from __future__ import annotations

import hashlib
import io
import json
import re
import socket
import sys
from pathlib import Path

import pytest

from tests.cli.office import Desk
from tests.domain.world import World
from tocsin.cli.errors import Refused
from tocsin.cli.main import run
from tocsin.cli.office import Office
from tocsin.domain import naming
from tocsin.domain.commands import AddEvidence
from tocsin.evidence import EvidenceStore
from tocsin.settings import Settings

LOG = b"03:12 root logs in\n"
HASH = hashlib.sha256(LOG).hexdigest()
REF = "7F3K2"


class Bench(Desk):
    """A desk with a state folder of its own."""

    def types(self, *words: str) -> int:
        async def connect() -> object:
            return self.incidents

        settings = Settings(actor=self.actor, state=Path("state"))
        return run(words, Office(connect=connect, settings=lambda: settings, now=lambda: self.now))

    @property
    def store(self) -> EvidenceStore:
        return EvidenceStore(Path("state"))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("auth.log").write_bytes(LOG)
    return Bench()


def told(bench: Bench) -> AddEvidence:
    command = bench.told
    assert isinstance(command, AddEvidence)
    return command


def world_with(*pieces: dict[str, object]) -> World:
    world = World()
    world.alert()
    for piece in pieces:
        given = {"sha256": HASH, "size": len(LOG), "name": "auth.log", "origin": "web-3", **piece}
        world.says(AddEvidence, **given)
    return world


def pipe(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


# ---- adding ----


def test_a_file_is_kept_and_the_incident_is_told_what_it_is_and_whence(bench, capsys):
    assert bench.types("evidence", "add", REF, "auth.log", "--note", "the night of the break-in") == 0
    command = told(bench)
    assert (command.sha256, command.size, command.name) == (HASH, len(LOG), "auth.log")
    assert command.origin == f"{socket.gethostname()}:{Path('auth.log').absolute()}"
    assert (command.note, command.actor.key) == ("the night of the break-in", "ana")
    assert bench.store.path(HASH).read_bytes() == LOG
    assert capsys.readouterr().out.startswith("accepted: ")


def test_somebody_may_say_where_it_was_taken_from(bench):
    assert bench.types("evidence", "add", REF, "auth.log", "--from", "web-3:/var/log/auth.log") == 0
    assert told(bench).origin == "web-3:/var/log/auth.log"


def test_several_files_are_several_pieces(bench):
    Path("second.log").write_bytes(b"04:00 quiet\n")
    assert bench.types("evidence", "add", REF, "auth.log", "second.log") == 0
    assert [command.name for _, command in bench.incidents.commanded] == ["auth.log", "second.log"]
    assert len({command.id for _, command in bench.incidents.commanded}) == 2


def test_of_several_files_of_which_one_cannot_be_read_none_is_told(bench, capsys):
    assert bench.types("evidence", "add", REF, "auth.log", "gone.log") == 1
    assert bench.incidents.commanded == []
    assert "gone.log cannot be read: No such file" in capsys.readouterr().err


def test_what_comes_through_a_pipe_may_be_given_a_name(bench, monkeypatch):
    pipe(monkeypatch, LOG)
    assert bench.types("evidence", "add", REF, "-", "--name", "memory.img", "--from", "web-3") == 0
    assert (told(bench).sha256, told(bench).name, told(bench).origin) == (HASH, "memory.img", "web-3")


def test_a_pipe_without_a_name_is_called_what_it_is(bench, monkeypatch):
    pipe(monkeypatch, LOG)
    assert bench.types("evidence", "add", REF, "-") == 0
    assert (told(bench).name, told(bench).origin) == (
        "standard input",
        f"{socket.gethostname()}:standard input",
    )


def test_a_file_that_is_called_strangely_has_a_name_that_can_be_shown(bench):
    strange = b"new\nline\xff.log".decode(errors="surrogateescape")
    Path(strange).write_bytes(LOG)
    assert bench.types("evidence", "add", REF, strange) == 0
    assert told(bench).name == r"new\x0aline\udcff.log"


def test_a_name_or_an_id_is_for_one_file(bench, capsys):
    assert bench.types("evidence", "add", REF, "auth.log", "auth.log", "--name", "x") == 2
    assert "--name and --id are for one file" in capsys.readouterr().err


def test_what_an_incident_refuses_is_kept_all_the_same(bench, capsys):
    bench.incidents.answers = {naming.incident_workflow("7F3K2ABCDE"): Refused("it is closed")}
    assert bench.types("evidence", "add", REF, "auth.log", "-o", "json") == 1
    printed = capsys.readouterr().err
    assert bench.store.path(HASH).read_bytes() == LOG
    assert "auth.log is kept all the same" in printed
    assert json.loads(printed[printed.index("{") :])["kept"] == str(bench.store.path(HASH))


# ---- listing ----


def test_the_list_says_what_by_whom_when_how_large_and_whence(bench, capsys):
    bench.incidents.world = world_with({"note": "who opened the sluice"})
    assert bench.types("evidence", "list", REF) == 0
    assert re.split("  +", capsys.readouterr().out.splitlines()[1]) == [
        "1",
        "06-01 12:00",
        "ana (claimed)",
        "19",
        f"{HASH[:12]}…",
        "auth.log – from web-3 – who opened the sluice",
    ]


def test_the_list_in_json_has_everything(bench, capsys):
    bench.incidents.world = world_with({})
    assert bench.types("evidence", "list", REF, "-o", "json") == 0
    [piece] = json.loads(capsys.readouterr().out)
    assert (piece["sha256"], piece["by"]["key"]) == (HASH, "ana")


def test_without_any_the_list_says_so(bench, capsys):
    bench.incidents.world = world_with()
    assert bench.types("evidence", "list", REF) == 0
    assert capsys.readouterr().out == "nothing was preserved\n"


# ---- bringing back ----


@pytest.mark.parametrize("which", ["1", HASH, HASH[:6].upper()])
def test_a_piece_is_brought_back_by_number_or_hash(bench, which):
    bench.store.keep_file(Path("auth.log"))
    bench.incidents.world = world_with({"name": "kept.log"})
    assert bench.types("evidence", "get", REF, which) == 0
    assert Path("kept.log").read_bytes() == LOG


def test_a_piece_may_go_into_a_pipe(bench, capfdbinary):
    bench.store.keep_file(Path("auth.log"))
    bench.incidents.world = world_with({})
    assert bench.types("evidence", "get", REF, "1", "--to", "-") == 0
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == LOG


def test_no_file_is_written_over(bench, capsys):
    bench.store.keep_file(Path("auth.log"))
    bench.incidents.world = world_with({})
    Path("auth.log").write_bytes(b"another")
    assert bench.types("evidence", "get", REF, "1") == 1
    assert "auth.log is there already: say another with --to" in capsys.readouterr().err
    assert Path("auth.log").read_bytes() == b"another"


def test_a_name_never_becomes_a_path(bench):
    bench.store.keep_file(Path("auth.log"))
    bench.incidents.world = world_with({"name": "../outside"})
    assert bench.types("evidence", "get", REF, "1") == 0
    assert not Path("../outside").exists()


def test_content_that_was_altered_is_not_brought_back(bench, capsys):
    bench.store.keep_file(Path("auth.log"))
    bench.store.path(HASH).chmod(0o644)
    bench.store.path(HASH).write_bytes(b"nothing happened")
    bench.incidents.world = world_with({})
    assert bench.types("evidence", "get", REF, "1", "--to", "back.log") == 1
    assert "is not what was kept" in capsys.readouterr().err
    assert not Path("back.log").exists()


def test_evidence_that_is_not_on_the_record_is_said_to_be_none(bench, capsys):
    bench.incidents.world = world_with({})
    assert bench.types("evidence", "get", REF, "7") == 2
    assert 'there is no evidence "7"; there is 1 (auth.log)' in capsys.readouterr().err


def test_the_beginning_of_two_hashes_is_too_little(bench, capsys):
    other = HASH[0] + "0" * 63
    bench.incidents.world = world_with({}, {"sha256": other})
    assert bench.types("evidence", "get", REF, HASH[0]) == 2
    assert "may be any of 1 (" in capsys.readouterr().err
