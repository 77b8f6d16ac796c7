"""What the lighthouse's Alertmanager sends."""

from __future__ import annotations

from typing import Any


def lamp_is_out(number: int = 1, status: str = "firing") -> dict[str, Any]:
    """A webhook of version 4 for one lamp."""
    labels = {"alertname": "LampOut", "lamp": f"lamp-{number}"}
    annotations = {"summary": f"lamp {number} is out"}
    alert = {
        "status": status,
        "labels": labels,
        "annotations": annotations,
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": f"{number:016x}",
    }
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="LampOut", lamp="lamp-{number}"}}',
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "tocsin",
        "groupLabels": labels,
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "http://alertmanager.example",
        "alerts": [alert],
    }
