"""A lighthouse with ships on a list, and vendors for many that record, refuse and die as they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.workflows.lighthouse import DIRECTORY, PLAN
from tocsin.broadcastfiles import BroadcastFolder
from tocsin.broadcasting import Broadcasting
from tocsin.bulksenders import Pace, Ways
from tocsin.domain.broadcasts import Batch, PinList, SendShare, Share
from tocsin.domain.channel import ChannelName, Receipt, Sms
from tocsin.domain.messages import Dispatch
from tocsin.domain.state import Target
from tocsin.library import PlanLibrary
from tocsin.rendering import Templates

ID = "ABCDEFGH12"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SHIPS = "\n  ships: {title: Every ship, external: true, list: ships.csv}"


class Killed(BaseException):
    """The process dies here: nothing of ours can catch it."""


@dataclass
class Vendor:
    """Takes batches of email and single texts. Each of `before` happens, in turn, before it takes something."""

    largest: int = 1_000
    batches: list[Batch] = field(default_factory=list)
    texts: list[Sms] = field(default_factory=list)
    before: list[Callable[[Batch], None]] = field(default_factory=list)
    dies_after: int | None = None
    remembers: bool = False

    def send(self, batch: Batch) -> Receipt:
        """Take a batch whole, or not at all; the process may die before it hears so."""
        if self.before:
            self.before.pop(0)(batch)
        self.batches.append(batch)
        if self.dies_after == len(self.batches):
            raise Killed
        return Receipt(vendor="fake", vendor_id=str(len(self.batches)), status="accepted")

    @property
    def to(self) -> list[str]:
        """Whom mail reached, in order."""
        return [row.to for batch in self.batches for row in batch.rows]


@dataclass
class TextVendor:
    """Takes texts one by one, and can be asked what it took."""

    texts: list[Sms] = field(default_factory=list)
    before: list[Callable[[Sms], None]] = field(default_factory=list)
    dies_after: int | None = None

    def send(self, sms: Sms, since: datetime | None) -> Receipt:
        """Take a text, unless it was taken since then."""
        if self.before:
            self.before.pop(0)(sms)
        if not (since and any((each.to, each.body) == (sms.to, sms.body) for each in self.texts)):
            self.texts.append(sms)
        if self.dies_after == len(self.texts):
            self.dies_after = None
            raise Killed
        return Receipt(vendor="fake", vendor_id=str(len(self.texts)), status="queued")


def plans_with(folder: Path, rows: Iterable[str], header: str = "email,name") -> Path:
    """A plans folder whose lighthouse has a list of ships."""
    plan = folder / "plans" / "lighthouse"
    (plan / "lists").mkdir(parents=True, exist_ok=True)
    (plan / "plan.yaml").write_text(PLAN.replace("\nfacts:", f"{SHIPS}\nfacts:"))
    (plan / "directory.yaml").write_text(DIRECTORY)
    (plan / "lists" / "ships.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder / "plans"


@dataclass
class Crowd:
    """Everybody on a list, and those who tell them."""

    state: Path
    library: PlanLibrary
    vendor: Vendor = field(default_factory=Vendor)
    carrier: TextVendor = field(default_factory=TextVendor)
    channel: ChannelName = "email"
    is_drill: bool = False
    text: str = "There is fog, {{name|captain}}."

    @classmethod
    def of(cls, folder: Path, rows: Iterable[str], header: str = "email,name", **more: object) -> Crowd:
        """A crowd on a list with these rows."""
        state = folder / "state"
        return cls(state, PlanLibrary(plans_with(folder, rows, header), state), **more)  # type: ignore[arg-type]

    @property
    def broadcasting(self) -> Broadcasting:
        """As a process has it that has just begun."""
        templates = Templates(self.library, "https://tocsin.example")
        ways = Ways(self.vendor, self.carrier, Pace(None))
        return Broadcasting(self.state, self.library, templates, ways, "https://tocsin.example", lambda: NOW)

    @property
    def folder(self) -> BroadcastFolder:
        """Where it is kept how far it has come."""
        return BroadcastFolder(self.state, ID)

    @property
    def dispatch(self) -> Dispatch:
        """The message."""
        return Dispatch(
            message=ID,
            workflow="",
            incident="",
            reference=ID[:5],
            plan=self.library.plans["lighthouse"].pin,
            channel=self.channel,
            template="broadcast",
            purpose="notice",
            target=Target(audience="ships"),
            is_drill=self.is_drill,
            is_for_outsiders=True,
            subject="Fog, {{name|captain}}",
            text=self.text,
            title="Fog",
            severity="",
            status="",
            phase="",
            customer=None,
            created=NOW,
        )

    def pin(self):  # type: ignore[no-untyped-def]
        """Pin the list."""
        return self.broadcasting.pin(
            PinList(
                broadcast=ID,
                plan="lighthouse",
                list="ships.csv",
                channel=self.channel,
                dispatch=self.dispatch,
            )
        )

    def send(self, goes_on: Callable[[], bool] = lambda: True) -> Share:
        """One share of the work, by a process that has just begun."""
        sha256 = self.pin().sha256
        return self.broadcasting.send(SendShare(broadcast=ID, sha256=sha256, dispatch=self.dispatch), goes_on)

    def tell_everybody(self) -> Share:
        """Share after share, by one process after the other, until nobody is left."""
        for _ in range(100):
            try:
                share = self.send()
            except Killed:
                continue
            if not share.counts.left:
                return share
        raise AssertionError("it never ended")


def ships(count: int) -> list[str]:
    """So many rows."""
    return [f"ship-{number}@example.org,Ship {number}" for number in range(count)]
