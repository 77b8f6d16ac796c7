"""A harbour's state folder, with an incident that is over, its evidence, and its archive."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from tests.cli.office import library_of_the_harbour
from tests.domain.world import World
from tocsin.archive import DiskArchive
from tocsin.domain import commands as say
from tocsin.domain.messages import ArchiveIncident, OpenRecord
from tocsin.domain.state import IncidentState
from tocsin.evidence import EvidenceStore
from tocsin.library import PlanLibrary
from tocsin.papers import MarkdownPapers
from tocsin.verifying import verify

LOG = b"03:12 root logs in from the lighthouse\n"


@dataclass
class Storeroom:
    """`folder` is the state folder, `plans` that of the plans; `hash` the fingerprint of the archive last written."""

    folder: Path
    plans: Path
    library: PlanLibrary
    archive: DiskArchive
    store: EvidenceStore
    world: World
    log: bytes = LOG
    hash: str = ""

    @classmethod
    def at(cls, folder: Path) -> Storeroom:
        """A gale that was survived: opened, acknowledged, with a fact and a log file, resolved and closed."""
        plans, state = library_of_the_harbour(folder), folder / "state"
        library = PlanLibrary(plans, state)
        room = cls(
            state,
            plans,
            library,
            DiskArchive(library, state, MarkdownPapers(library)),
            EvidenceStore(state),
            World(),
        )
        room.open()
        room.live_through_it()
        return room

    def open(self) -> None:
        """The wind rises."""
        self.world.alert()
        pin = self.library.plans["harbour"].pin
        self.world.becomes(self.world.state.model_copy(update={"plan": pin}))
        self.archive.open(
            OpenRecord(
                key=self.world.state.key,
                plan=pin,
                opened_by="run-1",
                opened=self.world.now,
                title=self.world.state.title,
            )
        )

    def live_through_it(self) -> None:
        """What ana does until nothing is owed any more."""
        self.world.acknowledges()
        self.world.says(say.StateFact, name="cause", value="a squall")
        content = self.store.keep(io.BytesIO(self.log))
        self.world.says(
            say.AddEvidence,
            sha256=content.sha256,
            size=content.size,
            name="auth.log",
            origin="lighthouse:/var/log/auth.log",
            note="who opened the sluice",
        )
        self.world.passes(hours=5)
        self.world.says(say.Resolve, summary="calm")
        self.world.says(say.Close, anyway=True)

    def archived(self) -> Path:
        """Archive the incident as it stands; the archive's folder."""
        self.hash = self.archive.archive(ArchiveIncident(state=self.state))
        return self.incident

    def verify(self) -> tuple[str, ...]:
        """What is wrong with the archive."""
        return verify(self.incident).problems

    @property
    def state(self) -> IncidentState:
        """The incident as it stands."""
        return self.world.state

    @property
    def incident(self) -> Path:
        """The incident's folder."""
        return self.folder / "incidents" / self.state.id

    def files(self) -> list[str]:
        """The files of the archive, in order."""
        return sorted(self.contents())

    def contents(self) -> dict[str, bytes]:
        """The files of the archive with what they hold."""
        files = (path for path in self.incident.rglob("*") if path.is_file())
        return {path.relative_to(self.incident).as_posix(): path.read_bytes() for path in files}


def break_into(folder: Path) -> None:
    """Take the seal's protection from an archive, as whoever owns it can."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
