"""What a plan has done with the word of a monitor."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from tocsin.domain.base import Value
from tocsin.domain.duties import Interval


class Flapping(Value):
    """An alert that goes on and off so many times (`changes`) `within` a while flaps: that is said once."""

    changes: Annotated[int, Field(ge=2)] = 4
    within: Interval = timedelta(minutes=10)


class AlertHandling(Value):
    """What a monitor's own word that all is well does: it is put on the record, it proposes the resolution to whoever
    works on the incident, or it resolves it; after it has stayed so for `calm`."""

    when_resolved: Literal["record", "propose", "resolve"] = "record"
    calm: Interval = timedelta(minutes=5)
    flapping: Flapping = Flapping()
