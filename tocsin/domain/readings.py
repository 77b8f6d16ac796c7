"""What a monitor says, in one shape for every format, before it is read against a plan."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from tocsin.domain.base import Moment, Value

LONGEST_KEY, LONGEST_GROUP = 200, 1_000
"""Characters. Both go on into the incident's history with every word about an alert, and no source says how long its
own may be. Every key that a source promises to give back whole, such as PagerDuty's, is a shorter group."""

_HASH_LENGTH = 32


def _at_most(length: int) -> AfterValidator:
    """A key that is longer becomes its beginning and a hash of all of it: the same one, from the same key, always."""

    def shortened(key: str) -> str:
        if len(key) <= length:
            return key
        whole = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
        return f"{key[: length - _HASH_LENGTH - 1]}…{whole}"

    return AfterValidator(shortened)


class Sighting(Value):
    """One alert, under the source's own key for it: whether it fires, since when, and what the source says of it.

    `count` is how often it was said, where the source, or a window in which repeats were put together, knows. With a
    `remark` it says something else of the alert, which goes on the timeline of the incident that is open.
    """

    key: Annotated[str, Field(min_length=1), _at_most(LONGEST_KEY)]
    is_firing: bool
    remark: str = ""
    began: Moment | None = None
    count: Annotated[int, Field(ge=1)] = 1
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Reading(Value):
    """Alerts that belong together and make one incident.

    `group` is the key under which they do, `labels` and `annotations` what they have in common, where the source
    says so; `title` is in the source's words.
    """

    group: Annotated[str, Field(min_length=1), _at_most(LONGEST_GROUP)]
    sightings: Annotated[tuple[Sighting, ...], Field(min_length=1)]
    title: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}

    @property
    def is_firing(self) -> bool:
        """Whether any of them fires."""
        return any(sighting.is_firing for sighting in self.sightings)

    @property
    def telling(self) -> Sighting:
        """The alert that speaks for the others where they have nothing in common."""
        return next((sighting for sighting in self.sightings if sighting.is_firing), self.sightings[0])

    @property
    def all_labels(self) -> dict[str, str]:
        """What the alerts have in common, or else the labels of the one that speaks for them."""
        return self.labels or self.telling.labels

    def labels_of(self, sighting: Sighting) -> dict[str, str]:
        """The labels of one of the alerts, and over them what all have in common."""
        return sighting.labels | self.labels

    @property
    def all_annotations(self) -> dict[str, str]:
        """The annotations of the alert that speaks for them, and over them what all have in common."""
        return self.telling.annotations | self.annotations

    def began(self, received: datetime) -> datetime:
        """When the first alert that fires began; never later than now, whatever the monitor's clock says."""
        firing = [each for each in self.sightings if each.is_firing] or list(self.sightings)
        known = [each.began for each in firing if each.began is not None]
        return min([*known, received]).astimezone(UTC)
