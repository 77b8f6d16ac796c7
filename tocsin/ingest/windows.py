"""What Temporal was told of late, and what was said again since: memory and arithmetic, by a clock that is a parameter.

A window opens when Temporal is told about a key. Until it ends, whoever says the same of the same alerts *repeats* it,
and repeats are put together in a `Batch`. Times are seconds of a clock that never jumps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tocsin.domain.alerts import MOST_FOLLOWED
from tocsin.domain.events import Alert

ROOM = 20_000
"""Alerts that are remembered at most, over all windows: some 20 MB. What finds no room is told at once."""

BATCH_ROOM = MOST_FOLLOWED + 1
"""Alerts in one batch at most: together they make one signal, and Temporal takes 2 MB."""

_SAID_ANEW = {"alerts", "counts", "title", "facts", "began", "received"}
"""What may differ in a repeat: an incident that is open takes nothing from it but the count."""

Saying = tuple[bool, int]
"""Whether an alert fires, and a hash of whatever else was said with it that Temporal must hear if it changes."""


@dataclass(frozen=True)
class Batch:
    """Repeats of one key, put together, with the rank of the worst. `numbers` are those of the batches in it."""

    alert: Alert
    rank: int
    numbers: frozenset[int]

    @property
    def words(self) -> int:
        """How many repeats of alerts there are in it."""
        return sum(self.count(name) for name in self.alert.alerts)

    def count(self, name: str) -> int:
        """How often this alert was said."""
        return self.alert.counts.get(name, 1) if name in self.alert.alerts else 0

    def is_covered_by(self, alert: Alert) -> bool:
        """Whether `alert` says the same of everything in it, so that one signal may say both."""
        return self.alert.alerts.items() <= alert.alerts.items()

    def then(self, later: Batch) -> Batch:
        """This and what was said later in one: nothing in it contradicts the other."""
        names = self.alert.alerts | later.alert.alerts
        worst = self if self.rank < later.rank else later
        put_together = {
            "alerts": names,
            "counts": {name: self.count(name) + later.count(name) for name in names},
            "severity": worst.alert.severity,
            "facts": self.alert.facts | later.alert.facts,
            "criteria": _both(self.alert.criteria, later.alert.criteria),
            "vendors": _both(self.alert.vendors, later.alert.vendors),
            "began": min(self.alert.began, later.alert.began),
            "received": max(self.alert.received, later.alert.received),
        }
        return Batch(
            alert=later.alert.model_copy(update=put_together),
            rank=worst.rank,
            numbers=self.numbers | later.numbers,
        )


def _both(first: tuple[str, ...], then: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *then)))


def sayings(alert: Alert) -> dict[str, Saying]:
    """What is said of each alert."""
    rest = hash(alert.model_dump_json(exclude=_SAID_ANEW))
    return {name: (fires, rest) for name, fires in alert.alerts.items()}


@dataclass
class Window:
    """What Temporal was `told` about one key, the repeats that wait for its end, and those that are being told now.

    `failures` counts how often in a row Temporal could not be told. `size` is how much of the room it takes.
    """

    length: float
    ends: float
    told: dict[str, Saying] = field(default_factory=dict)
    waiting: Batch | None = None
    leaving: Batch | None = None
    failures: int = 0
    size: int = 0

    @property
    def is_quiet(self) -> bool:
        """Whether nothing would be lost with it."""
        return self.waiting is None and self.leaving is None

    def has_room_for(self, alert: Alert) -> bool:
        """Whether what waits stays small enough for one signal."""
        waiting = self.waiting.alert.alerts if self.waiting else {}
        return len(waiting.keys() | alert.alerts.keys()) <= BATCH_ROOM

    def add(self, batch: Batch) -> None:
        """More waits, said after what waits already."""
        self.waiting = self.waiting.then(batch) if self.waiting else batch

    def take(self) -> Batch | None:
        """What waits, to be told now; `give_back` or `Windows.restart` must follow."""
        self.leaving, self.waiting = self.waiting, None
        return self.leaving

    def give_back(self) -> None:
        """What was taken could not be told: it waits again, before what came since."""
        if self.leaving is not None:
            self.waiting = self.leaving.then(self.waiting) if self.waiting else self.leaving
            self.leaving = None

    def forget(self, alert: Alert) -> None:
        """Temporal is about to be told something else of these alerts: nothing repeats what it was told before."""
        for name in alert.alerts:
            self.told.pop(name, None)


class Windows:
    """All windows of this process, by the workflow's key; when there is no room for more, all of them end early."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._open: dict[str, Window] = {}
        self._remembered = 0
        self._is_full = False

    def __len__(self) -> int:
        return len(self._open)

    def __getitem__(self, key: str) -> Window:
        return self._open[key]

    def get(self, key: str) -> Window | None:
        """The window of a key, if Temporal was told about it of late, or something waits."""
        return self._open.get(key)

    def repeated(self, alert: Alert, now: float, is_away: bool = False) -> Window | None:
        """The window in which `alert` says nothing new, and may wait; `None` when Temporal must hear it now.

        What is accepted here is not to pile up for longer than a window: while Temporal `is_away`, one that should have
        ended takes nothing more.
        """
        window = self._open.get(alert.key)
        if window is None or not alert.alerts or window.failures or (is_away and window.ends <= now):
            return None
        is_known = sayings(alert).items() <= window.told.items()
        return window if is_known and window.has_room_for(alert) else None

    def told(self, alert: Alert, length: float, now: float) -> None:
        """Temporal has `alert`. Where there is no room that is not remembered, and its repeats are told as well."""
        self._is_full = self._remembered + len(alert.alerts) > self._room
        if not self._is_full:
            window = self._open.setdefault(alert.key, Window(length, now + length))
            window.told |= sayings(alert)
            self._measure(window)

    def restart(self, key: str, now: float) -> None:
        """Temporal has what was taken, which begins the next window."""
        window = self._open[key]
        batch, window.leaving = window.leaving, None
        names = batch.alert.alerts if batch else {}
        window.told = {name: said for name, said in window.told.items() if name in names}
        window.ends, window.failures = now + window.length, 0
        self._measure(window)

    def resume(self, batch: Batch, length: float, now: float) -> None:
        """What an earlier process accepted waits again, and is due; whether there is room or not."""
        self._open.setdefault(batch.alert.key, Window(length, now)).add(batch)

    def due(self, now: float) -> list[str]:
        """The keys of which something has waited long enough, the longest first; quiet windows end here."""
        ended = [key for key, window in self._open.items() if self._is_full or window.ends <= now]
        self._is_full = False
        for key in ended:
            self.close_if_quiet(key)
        return sorted((key for key in ended if key in self._open), key=lambda key: self._open[key].ends)

    def close_if_quiet(self, key: str) -> None:
        """End a window of which nothing waits."""
        window = self._open.get(key)
        if window is not None and window.is_quiet:
            self._remembered -= window.size
            del self._open[key]

    def kept(self) -> Iterator[Batch]:
        """Everything that Temporal does not have yet."""
        for window in self._open.values():
            yield from (batch for batch in (window.leaving, window.waiting) if batch is not None)

    def _measure(self, window: Window) -> None:
        self._remembered += len(window.told) - window.size
        window.size = len(window.told)
