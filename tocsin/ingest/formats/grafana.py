"""Grafana's alerting webhook, version 1: Alertmanager's groups, with links and values of Grafana's own.

Source: grafana.com/docs, Alerting, "Configure the webhook notifier". Groups are told apart within an organisation only,
so the organisation is part of the key. A payload that a template of the contact point has rewritten is another format,
which a mapping can read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from tocsin.domain.readings import Reading, Sighting
from tocsin.ingest.bodies import read_json
from tocsin.ingest.formats import Delivered
from tocsin.ingest.formats.alertmanager import AlertGroup, AlertmanagerAlert
from tocsin.sources import Source


class GrafanaAlert(AlertmanagerAlert):
    """One alert, with where to look at it, where to silence it, and the values that set it off."""

    generator_url: Annotated[str | None, Field(alias="generatorURL")] = None
    silence_url: Annotated[str | None, Field(alias="silenceURL")] = None
    dashboard_url: Annotated[str | None, Field(alias="dashboardURL")] = None
    panel_url: Annotated[str | None, Field(alias="panelURL")] = None
    value_string: Annotated[str | None, Field(alias="valueString")] = None

    @property
    def sighting(self) -> Sighting:
        """The alert in our words; Grafana's fields are annotations under their own names, below those of the rule."""
        own = {
            "generatorURL": self.generator_url,
            "silenceURL": self.silence_url,
            "dashboardURL": self.dashboard_url,
            "panelURL": self.panel_url,
            "valueString": self.value_string,
        }
        said = {name: value for name, value in own.items() if value}
        return super().sighting.model_copy(update={"annotations": said | self.annotations})


class GrafanaPayload(AlertGroup):
    """A group of alerts as Grafana posts it."""

    version: Literal["1"]
    org_id: Annotated[int, Field(alias="orgId")] = 1
    alerts: Annotated[Sequence[GrafanaAlert], Field(min_length=1)]

    @property
    def reading(self) -> Reading:
        """The group in our words."""
        return super().reading.model_copy(update={"group": f"org {self.org_id} {self.group_key}"})


_PAYLOAD = TypeAdapter(GrafanaPayload)


def read(delivered: Delivered, source: Source) -> tuple[Reading, ...]:
    """The group that Grafana posted. Raises `Problem`."""
    return (read_json(_PAYLOAD, delivered.body).reading,)
