"""Every format by its name in a source's file. A new one is a module beside this one, and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from tocsin.ingest.formats import (
    Dialect,
    alertmanager,
    awshealth,
    cloudevents,
    cloudwatch,
    grafana,
    mapped,
    pagerduty,
    sns,
    snsenvelope,
)
from tocsin.ingest.snssigning import SnsSignatures
from tocsin.sources import FormatName

_SIGNED = SnsSignatures()
_SNS = Dialect(sns.read, content_types=snsenvelope.CONTENT_TYPES, verify=_SIGNED.verify, taken=_SIGNED.taken)

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
        "cloudevents": Dialect(cloudevents.read, content_types=("*",), handshake=cloudevents.handshake),
        "sns": _SNS,
        "cloudwatch": replace(_SNS, read=cloudwatch.read),
        "aws-health": replace(
            _SNS,
            read=awshealth.read,
            content_types=awshealth.CONTENT_TYPES,
            handshake=cloudevents.handshake,
        ),
        "mapping": Dialect(mapped.read, prepare=mapped.prepare, in_thread=True),
    }
)
