"""What was accepted: lines of the spool, struck out once Temporal has them, inherited where a receiver died."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from pydantic import RootModel, ValidationError

from tocsin.domain.base import Value
from tocsin.domain.events import Alert
from tocsin.ingest.spool import Abandoned, Spool
from tocsin.ingest.windows import Batch

SPOOL_LIMIT = 16 * 2**20
"""Bytes at which lines that were struck out are cleared away, where there is never a moment in which all are."""

_log = logging.getLogger(__name__)


class Kept(Value):
    """A line: words that were accepted."""

    number: int
    rank: int
    alert: Alert


class StruckOut(Value):
    """A line: what was accepted under these numbers, Temporal has."""

    told: tuple[int, ...]


class _Line(RootModel[Kept | StruckOut]):
    """A line of either kind."""


@dataclass
class _Inheritance:
    """What a receiver left that died, and the numbers of what Temporal must still be told of it."""

    left: Abandoned
    numbers: set[int]
    is_damaged: bool


class Accepted:
    """What this receiver has accepted; `batches` gives all that Temporal does not have yet."""

    def __init__(
        self, spool: Spool, batches: Callable[[], Iterable[Batch]], limit: int = SPOOL_LIMIT
    ) -> None:
        self._spool = spool
        self._batches = batches
        self._limit = limit
        self._numbers = count(1)
        self._inherited: list[_Inheritance] = []
        self._cleared_to = 0

    @property
    def is_usable(self) -> bool:
        """Whether repeats may be accepted."""
        return self._spool.is_usable

    @property
    def words(self) -> int:
        """How many repeats wait."""
        return sum(batch.words for batch in self._batches())

    def batch(self, alert: Alert, rank: int) -> Batch:
        """A word under a number of its own."""
        return Batch(alert, rank, frozenset({next(self._numbers)}))

    async def keep(self, batch: Batch) -> None:
        """Accept it: when this returns, it survives this process. Raises `SpoolUnusable`."""
        await self._spool.write(_line(batch))

    def strike_out(self, numbers: frozenset[int]) -> None:
        """Temporal has what was accepted under these numbers: no receiver is to tell it again."""
        own = numbers
        for inheritance in self._inherited:
            own -= inheritance.numbers
            inheritance.numbers -= numbers
            if not inheritance.numbers:
                inheritance.left.remove(inheritance.is_damaged)
        self._inherited = [inheritance for inheritance in self._inherited if inheritance.numbers]
        if own:
            self._spool.note(_dumped(StruckOut(told=tuple(own))))
            self._clear_away()

    async def inherit(self) -> list[Batch]:
        """What receivers that died had accepted, and Temporal has not heard; the next word under its key may be new."""
        return [batch for left in await self._spool.abandoned() for batch in self._take_over(left)]

    async def close(self) -> None:
        """Leave what waits to the next receiver."""
        if waiting := self.words:
            _log.error("%d repeats stay on the disk: the next receiver tells Temporal", waiting)
        await self._spool.close()
        for inheritance in self._inherited:
            inheritance.left.release()

    def _clear_away(self) -> None:
        if next(iter(self._batches()), None) is None:
            self._spool.replace(())
        elif self._spool.size > self._limit + 2 * self._cleared_to:
            lines = [_line(batch) for batch in self._batches()]
            self._cleared_to = sum(map(len, lines))
            self._spool.replace(lines)

    def _take_over(self, left: Abandoned) -> Iterator[Batch]:
        lines = list(_read(left))
        told = {number for line in lines if isinstance(line, StruckOut) for number in line.told}
        kept = [line for line in lines if isinstance(line, Kept) and line.number not in told]
        is_damaged = len(lines) < len(left.lines)
        if not kept:
            left.remove(is_damaged)
            return
        _log.warning("%d words that an earlier receiver had accepted are told now", len(kept))
        batches = [self.batch(line.alert, line.rank) for line in kept]
        numbers = {number for batch in batches for number in batch.numbers}
        self._inherited.append(_Inheritance(left, numbers, is_damaged))
        yield from batches


def _line(batch: Batch) -> bytes:
    """One of its numbers will do: they are struck out together."""
    return _dumped(Kept(number=min(batch.numbers), rank=batch.rank, alert=batch.alert))


def _dumped(value: Value) -> bytes:
    return value.model_dump_json().encode() + b"\n"


def _read(left: Abandoned) -> Iterator[Kept | StruckOut]:
    for number, line in enumerate(left.lines, 1):
        try:
            yield _Line.model_validate_json(line).root
        except ValidationError as error:
            _log.error(  # without its text, which quotes what the monitor said
                "line %d of %s was accepted and cannot be read (%d errors): it is put aside, below `damaged` beside it",
                number,
                left.folder,
                error.error_count(),
            )
