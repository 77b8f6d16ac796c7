"""A valid payload or more of each format, from which strangers of every kind are made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.ingest.formats.amazon import ALARM, notification, question
from tests.ingest.formats.test_awshealth import EVENT as HEALTH
from tests.ingest.formats.test_cloudevents import BINARY
from tests.ingest.formats.test_cloudevents import EVENT as CLOUDEVENT
from tests.ingest.formats.test_grafana import PAYLOAD as GRAFANA
from tests.ingest.formats.test_pagerduty import TRIGGER
from tocsin.ingest.formats import cloudevents
from tocsin.mappingfiles import load
from tocsin.sources import FormatName

EXAMPLES = Path(__file__).resolve().parents[2] / "tocsin" / "ingest" / "examples"
MAPPINGS = EXAMPLES / "sources" / "mappings"
ALERTMANAGER = json.loads((EXAMPLES / "alertmanager.json").read_text())
PLAIN = {"content-type": "application/json"}


def _as_it_is(payload: Any) -> Any:
    return payload


@dataclass(frozen=True)
class Sample:
    """Payloads of a kind, and the headers with which they come; `sent` is what becomes of each on the way."""

    payloads: Sequence[Any]
    headers: Mapping[str, str] = field(default_factory=lambda: PLAIN)
    sent: Callable[[Any], Any] = _as_it_is
    mapping: Path | None = None


def _mapped(name: str) -> list[Sample]:
    path = MAPPINGS / f"{name}.yaml"
    return [
        Sample([each.payload], PLAIN | each.headers, mapping=path)
        for each, _ in load(path).examples
        if each.gives != "refused"
    ]


def _enveloped(message: Any) -> dict[str, Any]:
    """As SNS brings it; whether AWS signed it is none of the readers' business."""
    return notification(message) | {"Signature": "c2lnbmVk"}


_TOPIC = {"content-type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": "Notification"}

SAMPLES: Mapping[FormatName, Sequence[Sample]] = {
    "alertmanager": [Sample([ALERTMANAGER])],
    "grafana": [Sample([GRAFANA])],
    "pagerduty": [Sample([TRIGGER, {**TRIGGER, "event_action": "resolve"}])],
    "cloudevents": [
        Sample([CLOUDEVENT], {"content-type": cloudevents.STRUCTURED}),
        Sample([[CLOUDEVENT, CLOUDEVENT]], {"content-type": cloudevents.BATCH}),
        Sample([CLOUDEVENT["data"]], PLAIN | {f"ce-{name}": value for name, value in BINARY.items()}),
    ],
    "sns": [
        Sample([_enveloped(ALARM), question() | {"Signature": "c2lnbmVk"}], _TOPIC),
        Sample([ALARM, HEALTH], _TOPIC, _enveloped),
    ],
    "cloudwatch": [Sample([_enveloped(ALARM)], _TOPIC), Sample([ALARM], _TOPIC, _enveloped)],
    "aws-health": [Sample([HEALTH]), Sample([HEALTH], _TOPIC, _enveloped)],
    "mapping": [*_mapped("sentry"), *_mapped("datadog")],
}
