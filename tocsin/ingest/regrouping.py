"""Grouping by labels of one's own choice, in place of the monitor's: alerts that share them make one incident."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from tocsin.domain.readings import Reading, Sighting


def regrouped(readings: Sequence[Reading], labels: Sequence[str]) -> tuple[Reading, ...]:
    """The same alerts, grouped by these labels; one that has none of them stays in the group of its source."""
    if not labels:
        return tuple(readings)
    found: dict[str, list[tuple[Reading, Sighting]]] = {}
    for reading in readings:
        for sighting in reading.sightings:
            said = reading.labels | sighting.labels
            group = _group(said, labels) or reading.group
            found.setdefault(group, []).append((reading, sighting.model_copy(update={"labels": said})))
    return tuple(_reading(group, members) for group, members in found.items())


def _group(said: Mapping[str, str], labels: Sequence[str]) -> str:
    """Such as `{cluster="eu", service="checkout"}`; a label that is missing is one that is empty."""
    if not any(said.get(label) for label in labels):
        return ""
    pairs = (f"{label}={json.dumps(said.get(label, ''))}" for label in sorted(labels))
    return f"{{{', '.join(pairs)}}}"


def _reading(group: str, members: Sequence[tuple[Reading, Sighting]]) -> Reading:
    """A group of our own. Its title is the source's where all of it is of one group of the source's."""
    origins = {reading.group: reading for reading, _ in members}
    only = next(iter(origins.values())) if len(origins) == 1 else None
    sightings = tuple(sighting for _, sighting in members)
    return Reading(
        group=group,
        sightings=sightings,
        title=only.title if only and len(only.sightings) == len(sightings) else "",
        labels=_common([sighting.labels for sighting in sightings]),
        annotations=_common([reading.annotations | sighting.annotations for reading, sighting in members]),
    )


def _common(said: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first, *others = said
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}
