"""Where alerts come from: each source in a YAML file of its own, below the folder `sources/` of an installation.

    source: grafana
    format: grafana
    path: /v1/sources/grafana
    plan: allcode
    lock: {hmac: {secrets: [{file: grafana.secret}], header: X-Grafana-Alerting-Signature}}

Files that it names are beside it. Without a folder there is one source, Alertmanager's webhook, whose bearer tokens are
`TOCSIN_INGEST_TOKENS`. The folder is read by `tocsin.sourcefiles`.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, model_validator

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

LockName = Literal["bearer", "hmac", "routing_keys", "topics"]

MOST_SECRETS = 2
"""One, and the new one that takes over from it."""

SHORTEST_SECRET = 16
"""Characters of a secret, or of a token: nobody guesses so many, where they are random. PagerDuty's keys have 32."""

TOO_SHORT = f"write at least {SHORTEST_SECRET} characters, random ones, such as `openssl rand -hex 16` makes"


def _beside(file: Path | None, info: ValidationInfo) -> Path | None:
    """A file that a source's own file names; it must be there when the source is read from one."""
    if file is None or not info.context:
        return file
    found = Path(info.context["folder"]) / file
    if not found.is_file():
        raise ValueError(f"there is no file {found}; make it, or correct the name")
    return found


def _with_secrets(file: Path | None) -> Path | None:
    if file is not None and file.is_file():
        secrets_in(file)
    return file


def secrets_in(file: Path) -> tuple[str, ...]:
    """What a secret file holds: a secret on each line, at most two. Raises `ValueError`, which shows none of them."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ValueError(f"{file} can't be read: {reason}") from error
    found = tuple(line.strip() for line in lines if line.strip())
    if not 0 < len(found) <= MOST_SECRETS:
        raise ValueError(
            f"{file} holds {len(found) or 'no'} secrets; write one on a line of its own, or two while one takes over "
            "from the other"
        )
    if any(len(secret) < SHORTEST_SECRET for secret in found):
        raise ValueError(f"{file} holds a secret that is too short; {TOO_SHORT}")
    return found


NearbyFile = Annotated[Path | None, AfterValidator(_beside)]
"""A file that is named relative to the one in which its name stands."""


class Secret(Value):
    """A secret of at least `SHORTEST_SECRET` characters, in the file itself or in one beside it.

    A file may be replaced while the receiver runs.
    """

    value: SecretStr | None = None
    file: Annotated[NearbyFile, AfterValidator(_with_secrets)] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.value) == bool(self.file):
            raise ValueError("a secret is text that is not empty, or {file: NAME}; write one of both")
        if self.value and len(self.value.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(f"a secret is too short; {TOO_SHORT}")
        return self


def _as_secret(given: Any) -> Any:
    return {"value": given} if isinstance(given, str) else given


def _as_several(given: Any) -> Any:
    return [given] if isinstance(given, str | dict) else given


def _one_or_two(given: tuple[Secret, ...]) -> tuple[Secret, ...]:
    if not 0 < len(given) <= MOST_SECRETS:
        raise ValueError(f"here are {len(given) or 'no'} secrets; write one, or two while one takes over")
    return given


def _url_path(given: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", given):
        raise ValueError(
            f'"{given}" is no path; write one such as {SOURCES_PATH}/grafana, of letters, digits, ".", "_", "~" and "-"'
        )
    return given


def _header(given: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", given):
        raise ValueError(f'"{given}" is no name of a header; write one such as X-Signature')
    return given


Secrets = Annotated[
    tuple[Annotated[Secret, BeforeValidator(_as_secret)], ...],
    BeforeValidator(_as_several),
    AfterValidator(_one_or_two),
]
"""One, or two while the new one takes over from the old."""

Header = Annotated[str, AfterValidator(_header)]


class HmacLock(Value):
    """The sender signs each request with a shared secret: HMAC-SHA256 over the raw body.

    `prefix` stands before the signature in its header. With a `timestamp_header`, the time (seconds since the epoch) is
    signed as well, before the body and a colon, and counts for `window`.
    Source: grafana.com/docs/grafana/latest/alerting (webhook notifier, HMAC signature).
    """

    secrets: Secrets
    header: Header
    prefix: str = ""
    encoding: Literal["hex", "base64"] = "hex"
    timestamp_header: Header | None = None
    window: Duration = timedelta(minutes=5)


class Lock(Value):
    """What a sender must show. At least one of these; all that are named must fit."""

    bearer: Secrets | None = None
    hmac: HmacLock | None = None
    routing_keys: Secrets | None = None
    """PagerDuty's: in the body."""
    topics: tuple[str, ...] = ()
    """SNS topics by their ARN, whose messages are signed by AWS."""

    @property
    def kinds(self) -> tuple[LockName, ...]:
        """What it consists of."""
        return tuple(kind for kind in ALL_LOCKS if getattr(self, kind))


ALL_LOCKS: tuple[LockName, ...] = ("bearer", "hmac", "routing_keys", "topics")
_SHARED: tuple[LockName, ...] = ("bearer", "hmac")
_SIGNED_BY_AWS: tuple[LockName, ...] = ("topics",)

LOCKS: dict[FormatName, tuple[LockName, ...]] = {
    "alertmanager": _SHARED,
    "grafana": _SHARED,
    "pagerduty": ("routing_keys",),
    "cloudevents": _SHARED,
    "sns": _SIGNED_BY_AWS,
    "cloudwatch": _SIGNED_BY_AWS,
    "aws-health": (*_SIGNED_BY_AWS, *_SHARED),
    "mapping": _SHARED,
}
"""The locks that senders of a format have keys for. PagerDuty's clients can't be told to send a token, for instance."""

ALERTMANAGER_NAME = "alertmanager"
PAGERDUTY_PATH = "/v2/enqueue"
ALERTMANAGER_PATH = "/v1/alertmanager"
SOURCES_PATH = "/v1/sources"

LONGEST_WINDOW = timedelta(minutes=1)
"""Repeats wait no longer to be told."""


_NAME = r"^[a-z][a-z0-9-]*$"


def _short(window: timedelta) -> timedelta:
    if window > LONGEST_WINDOW:
        raise ValueError("write PT1M or less: a repeat that has to open the next incident waits as long")
    return window


GROUPED_OTHERWISE: dict[FormatName, str] = {
    "pagerduty": "one `dedup_key` is one incident",
    "cloudevents": "one `subject` is one incident",
    "sns": "one alarm, or one event, is one incident; the formats `cloudwatch` and `aws-health` can be grouped",
    "mapping": "let the mapping's `group` say what belongs together",
}
"""Formats in which the end of an alert may come without the labels of its beginning, and what groups them instead."""


def _said_at_the_end_too(labels: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """Labels to group by. An end without them would be looked for in another group, and lost."""
    format = info.data.get("format")
    if labels and format in GROUPED_OTHERWISE:
        raise ValueError(
            f"the format `{format}` need not repeat labels when an alert is over, so the end would miss the incident; "
            f"delete this: {GROUPED_OTHERWISE[format]}"
        )
    return labels


class Origin(Value):
    """Where an alert comes from, as plans tell origins apart: by its name, and by what it speaks."""

    source: Annotated[str, Field(pattern=_NAME, max_length=60)]
    format: str
    plan: str | None = None


class Source(Origin):
    """One source of alerts."""

    format: FormatName
    path: Annotated[str, AfterValidator(_url_path)] = ""
    """`/v1/sources/<source>` when not set; `/v2/enqueue` for PagerDuty, whose clients know no other."""
    lock: Lock | None = None
    mapping: NearbyFile = None
    """The mapping file, for the format `mapping`."""
    group_by: Annotated[tuple[str, ...], AfterValidator(_said_at_the_end_too)] = ()
    """Labels that say what belongs together, in place of the source's own grouping."""
    coalesce: Annotated[Duration, AfterValidator(_short)] = timedelta(seconds=10)
    """How long repeats of what is known already are put together before Temporal is told."""

    @model_validator(mode="before")
    @classmethod
    def _with_a_path(cls, given: Any) -> Any:
        if (
            not isinstance(given, dict)
            or "path" in given
            or not re.fullmatch(_NAME, str(given.get("source")))
        ):
            return given  # what is wrong with it is said of what was written
        return {**given, "path": default_path(given["source"], given.get("format", ""))}

    @property
    def is_secured(self) -> bool:
        """Whether a sender has to show anything."""
        return self.lock is not None and bool(self.lock.kinds)


def default_path(source: str, format: str) -> str:
    """Where a source is reached that names no path."""
    if source == ALERTMANAGER_NAME:
        return ALERTMANAGER_PATH
    return PAGERDUTY_PATH if format == "pagerduty" else f"{SOURCES_PATH}/{source}"


ALERTMANAGER = Source(source=ALERTMANAGER_NAME, format="alertmanager", path=ALERTMANAGER_PATH)
"""The one that is always there, unless a file describes one of that name."""
