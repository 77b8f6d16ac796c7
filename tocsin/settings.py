"""The environment, read once, into one frozen object that masks its secrets.

Temporal's own variables (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS…`,
`TEMPORAL_PROFILE`) are read by the SDK's configuration loader in `tocsin.temporal`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

VARIABLES = {
    "plans": "TOCSIN_PLANS",
    "state": "TOCSIN_STATE",
    "public_url": "TOCSIN_PUBLIC_URL",
    "drill_speed": "TOCSIN_DRILL_SPEED",
    "actor": "TOCSIN_ACTOR",
    "ingest_tokens": "TOCSIN_INGEST_TOKENS",
    "report_tokens": "TOCSIN_REPORT_TOKENS",
    "payload_keys": "TOCSIN_PAYLOAD_KEYS",
    "payload_keys_file": "TOCSIN_PAYLOAD_KEYS_FILE",
    "codec_tokens": "TOCSIN_CODEC_TOKENS",
    "ui_origin": "TOCSIN_UI_ORIGIN",
    "signing_keys": "TOCSIN_SIGNING_KEYS",
    "token": "TOCSIN_TOKEN",
    "sendgrid_api_key": "SENDGRID_API_KEY",
    "sendgrid_host": "SENDGRID_HOST",
    "sendgrid_events_public_key": "SENDGRID_EVENTS_PUBLIC_KEY",
    "sendgrid_events_public_key_file": "SENDGRID_EVENTS_PUBLIC_KEY_FILE",
    "sendgrid_from": "SENDGRID_FROM",
    "twilio_account_sid": "TWILIO_ACCOUNT_SID",
    "twilio_auth_token": "TWILIO_AUTH_TOKEN",
    "twilio_from": "TWILIO_FROM",
    "twilio_api_url": "TWILIO_API_URL",
    "sms_per_second": "TOCSIN_SMS_PER_SECOND",
    "calls_per_second": "TOCSIN_CALLS_PER_SECOND",
    "emails_per_second": "TOCSIN_EMAILS_PER_SECOND",
    "broadcast_sms_per_second": "TOCSIN_BROADCAST_SMS_PER_SECOND",
}
"""The variable behind each field of `Settings`."""

ANYBODY = "anybody"
"""In place of codec tokens: on a machine of one's own, whoever reaches the receiver may read what is encrypted."""


class SettingsError(Exception):
    """The environment lacks something, or has something that makes no sense; the text says which variable."""


class Settings(BaseModel):
    """Everything that differs between two installations. Its repr shows no secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plans: Path = Path("plans")
    state: Path = Path(".tocsin")
    public_url: str = "http://127.0.0.1:8080"
    drill_speed: Annotated[int, Field(ge=1)] | None = None
    """When set, every incident is a drill whose clock is divided by this."""
    actor: str | None = None
    ingest_tokens: SecretStr = SecretStr("")
    report_tokens: SecretStr = SecretStr("")
    """Who may hand in people's reports; those of `ingest_tokens` when not set."""
    payload_keys: SecretStr = SecretStr("")
    payload_keys_file: Path | None = None
    """A file that holds the keys instead; `payload-keys` in the state folder counts when neither is set."""
    codec_tokens: SecretStr = SecretStr("")
    ui_origin: str = ""
    """Where browsers have the Temporal UI from, such as `https://temporal.example.com`; several after commas."""
    signing_keys: SecretStr = SecretStr("")
    """Sign links, codes and personal tokens; `signing-keys` in the state folder counts when this is not set."""
    token: SecretStr = SecretStr("")
    """The personal token of whoever types commands."""
    sendgrid_api_key: SecretStr = SecretStr("")
    sendgrid_host: str = "https://api.sendgrid.com"
    sendgrid_events_public_key: str = ""
    sendgrid_events_public_key_file: Path | None = None
    """A file that holds the key instead, and that may appear later than its reader; the sandbox makes one."""
    sendgrid_from: str = ""
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_from: str = ""
    twilio_api_url: str = "https://api.twilio.com"
    sms_per_second: Annotated[float, Field(gt=0)] | None = None
    calls_per_second: Annotated[float, Field(gt=0)] | None = None
    broadcast_sms_per_second: Annotated[float, Field(gt=0)] = 1.0
    """Texts to a large audience, for each worker: what Twilio sends from one long code."""
    emails_per_second: Annotated[float, Field(gt=0)] = 10.0
    """Over all workers. In a flood of incidents, papers wait so that pages need not."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read the variables; an empty one counts as not set. Raises `SettingsError`."""
        given = {field: environ[name] for field, name in VARIABLES.items() if environ.get(name)}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise SettingsError("\n".join(_explained(item) for item in error.errors())) from None

    def require(self, *fields: str) -> None:
        """Raise `SettingsError` unless all of these are set, naming the variables that are not."""
        empty = [field for field in fields if not _plain(getattr(self, field))]
        if empty:
            names = ", ".join(VARIABLES[field] for field in empty)
            raise SettingsError(f"set {names}: .env.example says what each is for")

    @model_validator(mode="after")
    def _a_key_or_a_file_for_it(self) -> Self:
        for field in ("sendgrid_events_public_key", "payload_keys"):
            file = f"{field}_file"
            if _plain(getattr(self, field)) and getattr(self, file):
                names = {"here": VARIABLES[field], "file": VARIABLES[file]}
                raise PydanticCustomError("two_keys", _TWO_KEYS, names)
        return self


_TWO_KEYS = "set {here} or {file}, and leave the other empty"


def _explained(problem: ErrorDetails) -> str:
    """The variable, when it is about one, and what is wrong; never the value, which may be a secret."""
    return ": ".join([*(VARIABLES[str(field)] for field in problem["loc"][:1]), problem["msg"]])


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value or "")


def read_environment() -> Settings:
    """The settings of this process."""
    return Settings.from_environment(os.environ)  # noqa: TID251 — nothing else reads it, but `environment` below


def environment() -> dict[str, str]:
    """The whole environment, for child processes that read their settings from it."""
    return dict(os.environ)  # noqa: TID251 — handed to children as it is
