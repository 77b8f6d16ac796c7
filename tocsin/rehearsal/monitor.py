"""What the scenario's monitor says, as Alertmanager posts it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tocsin.ingest.formats.alertmanager import AlertmanagerPayload
from tocsin.rehearsal.scenario import Scenario


def body_of(scenario: Scenario, began: datetime, resolved: bool = False) -> dict[str, Any]:
    """The body of the webhook: one group of one alert, which began at `began`."""
    assert scenario.alert is not None
    labels, annotations = scenario.alert.labels, scenario.alert.annotations
    alert = {
        "status": "resolved" if resolved else "firing",
        "fingerprint": labels.get("alertname", "rehearsal"),
        "startsAt": began.isoformat(),
        "labels": labels,
        "annotations": annotations,
    }
    return {
        "version": "4",
        "groupKey": f"rehearsal:{scenario.scenario}",
        "alerts": [alert],
        "commonLabels": labels,
        "commonAnnotations": annotations,
    }


def payload_of(scenario: Scenario, began: datetime) -> AlertmanagerPayload:
    """The same as the receiver reads it."""
    return AlertmanagerPayload.model_validate(body_of(scenario, began))
