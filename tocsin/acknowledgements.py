"""Who has acknowledged which version of a plan: `<state>/acknowledgements/<plan>.jsonl`, only ever appended to.

    {"published": <version>, "at": …, "due": …, "by": …}     it was published
    {"acknowledged": <version>, "who": …, "at": …, "how": …}  somebody has acknowledged it, and what proved that
    {"ended": <version>, "at": …, "why": …, "lacking": […]}   nobody is asked any more, and who had not by then

A version is the hash of its content; people appear by the directory's keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from tocsin.domain.base import Moment, Value
from tocsin.domain.publication import Acknowledged, RecordEnding
from tocsin.domain.state import Actor, PlanPin
from tocsin.files import locked

FOLDER = "acknowledgements"

Line = dict[str, Any]


class Standing(Value):
    """How far the acknowledgement of a version has come; `published` is `None` when nobody was asked.

    `ended` says why nobody is asked any more, and is empty while somebody is.
    """

    plan: str
    version: str
    published: Moment | None
    due: Moment | None
    ended: str
    acknowledged: tuple[Acknowledged, ...]
    lacking: tuple[str, ...]


class AcknowledgementRegister:
    """The registers below `state`, one for each plan. Everything raises `OSError`."""

    def __init__(self, state: Path) -> None:
        self._folder = state / FOLDER

    def path(self, plan: str) -> Path:
        """The file of one plan."""
        return self._folder / f"{plan}.jsonl"

    # Writing

    def publish(self, plan: PlanPin, at: datetime, due: datetime, by: Actor) -> tuple[list[str], str | None]:
        """Note that a version is published, once for each `at`.

        Returns the earlier versions that are still being asked about, and the one that was published later, if any.
        """
        with locked(self.path(plan.name)) as lines:
            known: list[Line] = lines.read()
            told = [line for line in known if line.get("published") == plan.hash]
            if at.isoformat() not in {line["at"] for line in told}:
                said = {"at": at.isoformat(), "due": due.isoformat(), "by": str(by)}
                lines.append([{"published": plan.hash, **said}])
        others = {hash: since for hash, since in _being_asked(known).items() if hash != plan.hash}
        later = [hash for hash, since in others.items() if since > at]
        return [hash for hash in others if hash not in later], later[-1] if later else None

    def acknowledge(self, plan: PlanPin, who: str, at: datetime, how: str) -> Acknowledged:
        """Note that somebody has acknowledged a version; the first time counts, and is returned."""
        with locked(self.path(plan.name)) as lines:
            for known in _acknowledgements(lines.read(), plan.hash):
                if known.who == who:
                    return known
            new = Acknowledged(version=plan.hash, who=who, at=at, how=how)
            lines.append([{"acknowledged": new.version, "who": who, "at": at.isoformat(), "how": how}])
            return new

    def end(self, ended: RecordEnding) -> None:
        """Note that nobody is asked any more; said again, it is noted once."""
        line: Line = {
            "ended": ended.plan.hash,
            "at": ended.at.isoformat(),
            "why": ended.why,
            "lacking": list(ended.lacking),
        }
        with locked(self.path(ended.plan.name)) as lines:
            if line not in lines.read():
                lines.append([line])

    # Reading

    def acknowledged(self, plan: PlanPin) -> tuple[Acknowledged, ...]:
        """Who has acknowledged a version, in order of time."""
        return tuple(_acknowledgements(self._lines(plan.name), plan.hash))

    def versions(self, plan: str) -> tuple[str, ...]:
        """Every version that was published, oldest first."""
        published = (line["published"] for line in self._lines(plan) if "published" in line)
        return tuple(dict.fromkeys(published))

    def standing(self, plan: PlanPin, readers: Iterable[str]) -> Standing:
        """How far the acknowledgement of a version has come, when these must acknowledge it."""
        lines = self._lines(plan.name)
        acknowledged = tuple(_acknowledgements(lines, plan.hash))
        have = {each.who for each in acknowledged}
        published, ended = _last_publication(lines, plan.hash)
        return Standing(
            plan=plan.name,
            version=plan.hash,
            published=published.get("at"),
            due=published.get("due"),
            ended=ended,
            acknowledged=acknowledged,
            lacking=tuple(key for key in readers if key not in have),
        )

    def _lines(self, plan: str) -> list[Line]:
        if not self.path(plan).exists():
            return []
        with locked(self.path(plan)) as lines:
            return lines.read()


def _acknowledgements(lines: Iterable[Line], version: str) -> list[Acknowledged]:
    return [
        Acknowledged(version=version, who=line["who"], at=line["at"], how=line["how"])
        for line in lines
        if line.get("acknowledged") == version
    ]


def _last_publication(lines: Iterable[Line], version: str) -> tuple[Line, str]:
    """The line with which a version was published last, and why that is over; both empty when there is none."""
    published: Line = {}
    ended = ""
    for line in lines:
        if line.get("published") == version:
            published, ended = line, ""
        if line.get("ended") == version:
            ended = line["why"]
    return published, ended


def _being_asked(lines: Iterable[Line]) -> dict[str, datetime]:
    """The versions whose publication has not ended, with its time, in the order of that."""
    asked: dict[str, datetime] = {}
    for line in lines:
        if "published" in line:
            asked[line["published"]] = datetime.fromisoformat(line["at"])
        if "ended" in line:
            asked.pop(line["ended"], None)
    return dict(sorted(asked.items(), key=lambda each: each[1]))
