"""Alertmanager's webhook, version 4.

Source: prometheus.io/docs/alerting/latest/configuration/#webhook_config. One payload is one group of alerts, which
makes one incident; what is unknown in it is left alone, because the format is somebody else's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from tocsin.domain.readings import Reading, Sighting
from tocsin.ingest.bodies import read_json
from tocsin.ingest.formats import Delivered
from tocsin.ingest.formats.moments import believable
from tocsin.sources import Source


class _Foreign(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class AlertmanagerAlert(_Foreign):
    """One alert of the group, under Alertmanager's own key for it."""

    status: Literal["firing", "resolved"]
    fingerprint: Annotated[str, Field(min_length=1)]
    starts_at: Annotated[AwareDatetime, Field(alias="startsAt")]
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}

    @property
    def sighting(self) -> Sighting:
        """The alert in our words."""
        return Sighting(
            key=self.fingerprint,
            is_firing=self.status == "firing",
            began=believable(self.starts_at),
            labels=self.labels,
            annotations=self.annotations,
        )


class AlertGroup(_Foreign):
    """A group of alerts, as Alertmanager and those who build on it post it."""

    group_key: Annotated[str, Field(alias="groupKey", min_length=1)]
    alerts: Annotated[Sequence[AlertmanagerAlert], Field(min_length=1)]
    group_labels: Annotated[dict[str, str], Field(alias="groupLabels")] = {}
    common_labels: Annotated[dict[str, str], Field(alias="commonLabels")] = {}
    common_annotations: Annotated[dict[str, str], Field(alias="commonAnnotations")] = {}

    @property
    def reading(self) -> Reading:
        """The group in our words."""
        return Reading(
            group=self.group_key,
            sightings=tuple(alert.sighting for alert in self.alerts),
            title=self.called,
            labels=self.common_labels,
            annotations=self.common_annotations,
        )

    @property
    def called(self) -> str:
        """What the group as a whole is called; one of its alerts may have to speak for it."""
        return (
            self.common_annotations.get("summary")
            or self.common_labels.get("alertname")
            or self.group_labels.get("alertname", "")
        )


class AlertmanagerPayload(AlertGroup):
    """What Alertmanager posts, in the version that this was written for."""

    version: Literal["4"]


_PAYLOAD = TypeAdapter(AlertmanagerPayload)


def read(delivered: Delivered, source: Source) -> tuple[Reading, ...]:
    """The group that Alertmanager posted. Raises `Problem`."""
    return (read_json(_PAYLOAD, delivered.body).reading,)
