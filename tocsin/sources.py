"""Where alerts come from: each source in a YAML file of its own, below the folder `sources/` of an installation.

    source: grafana
    format: grafana
    path: /v1/sources/grafana
    plan: allcode
    lock: {hmac: {secrets: [{file: grafana.secret}], header: X-Grafana-Alerting-Signature}}

Without a folder there is one source, Alertmanager's webhook, whose bearer tokens are `TOCSIN_INGEST_TOKENS`.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr

from tocsin.domain.base import Value
from tocsin.domain.durations import Duration

FormatName = Literal[
    "alertmanager",
    "grafana",
    "pagerduty",
    "cloudevents",
    "sns",
    "cloudwatch",
    "aws-health",
    "mapping",
]


class Secret(Value):
    """A secret, in the file itself or in one beside it; a file may be replaced while the receiver runs."""

    value: SecretStr | None = None
    file: Path | None = None


def _as_secret(given: Any) -> Any:
    return {"value": given} if isinstance(given, str) else given


Secrets = Annotated[
    tuple[Annotated[Secret, BeforeValidator(_as_secret)], ...], Field(min_length=1, max_length=2)
]
"""One, or two while the new one takes over from the old."""


class HmacLock(Value):
    """The sender signs each request with a shared secret: HMAC-SHA256 over the raw body.

    `prefix` stands before the signature in its header. With a `timestamp_header`, the time (seconds since the epoch) is
    signed as well, before the body and a colon, and counts for `window`.
    """

    secrets: Secrets
    header: str
    prefix: str = ""
    encoding: Literal["hex", "base64"] = "hex"
    timestamp_header: str | None = None
    window: Duration = timedelta(minutes=5)


class Lock(Value):
    """What a sender must show. At least one of these; all that are named must fit."""

    bearer: Secrets | None = None
    hmac: HmacLock | None = None
    routing_keys: Secrets | None = None
    """PagerDuty's: in the body."""
    topics: tuple[str, ...] = ()
    """SNS topics by their ARN, whose messages are signed by AWS."""


class Source(Value):
    """One source of alerts."""

    source: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    format: FormatName
    path: str = ""
    plan: str | None = None
    lock: Lock | None = None
    mapping: str | None = None
    """The mapping file, for the format `mapping`."""
    group_by: tuple[str, ...] = ()
    """Labels that say what belongs together, in place of the source's own grouping."""
    coalesce: Duration = timedelta(seconds=10)
    """How long repeats of what is known already are put together before Temporal is told."""


ALERTMANAGER = Source(source="alertmanager", format="alertmanager", path="/v1/alertmanager")
"""The one that is always there."""
