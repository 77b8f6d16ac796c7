"""Every format by its name in a source's file. A new one is a module beside this one, and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tocsin.ingest.formats import Dialect, alertmanager, grafana, pagerduty
from tocsin.sources import FormatName

FORMATS: Mapping[FormatName, Dialect] = MappingProxyType(
    {
        "alertmanager": Dialect(alertmanager.read, schema=alertmanager.AlertmanagerPayload),
        "grafana": Dialect(grafana.read, schema=grafana.GrafanaPayload),
        "pagerduty": Dialect(
            pagerduty.read,
            schema=pagerduty.Event,
            answer=pagerduty.answer,
            refusal=pagerduty.refusal,
            limit=pagerduty.EVENT_LIMIT,
        ),
    }
)
