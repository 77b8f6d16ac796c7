"""The environment, read once, into one frozen object that masks its secrets.

Temporal's own variables (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS…`,
`TEMPORAL_PROFILE`) are read by the SDK's configuration loader in `tocsin.temporal`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

VARIABLES = {
    "plans": "TOCSIN_PLANS",
    "sources": "TOCSIN_SOURCES",
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
    "email_via": "TOCSIN_EMAIL_VIA",
    "smtp_host": "SMTP_HOST",
    "smtp_port": "SMTP_PORT",
    "smtp_user": "SMTP_USER",
    "smtp_password": "SMTP_PASSWORD",
    "smtp_tls": "SMTP_TLS",
    "smtp_ca_file": "SMTP_CA_FILE",
    "smtp_from": "SMTP_FROM",
    "twilio_account_sid": "TWILIO_ACCOUNT_SID",
    "twilio_auth_token": "TWILIO_AUTH_TOKEN",
    "twilio_from": "TWILIO_FROM",
    "twilio_api_url": "TWILIO_API_URL",
    "twilio_2_account_sid": "TWILIO_2_ACCOUNT_SID",
    "twilio_2_auth_token": "TWILIO_2_AUTH_TOKEN",
    "twilio_2_from": "TWILIO_2_FROM",
    "twilio_2_api_url": "TWILIO_2_API_URL",
    "worker_http": "TOCSIN_WORKER_HTTP",
    "temporal_metrics": "TOCSIN_TEMPORAL_METRICS",
    "sms_per_second": "TOCSIN_SMS_PER_SECOND",
    "calls_per_second": "TOCSIN_CALLS_PER_SECOND",
    "emails_per_second": "TOCSIN_EMAILS_PER_SECOND",
    "broadcast_sms_per_second": "TOCSIN_BROADCAST_SMS_PER_SECOND",
}
"""The variable behind each field of `Settings`."""

EmailVendor = Literal["sendgrid", "smtp"]

_NEEDED: dict[EmailVendor, tuple[str, ...]] = {
    "sendgrid": ("sendgrid_api_key", "sendgrid_from"),
    "smtp": ("smtp_host", "smtp_sender"),
}

ANYBODY = "anybody"
"""In place of codec tokens: on a machine of one's own, whoever reaches the receiver may read what is encrypted."""


class SettingsError(Exception):
    """The environment lacks something, or has something that makes no sense; the text says which variable."""


def host_and_port(address: str) -> tuple[str, int]:
    """The parts of `host:port`, of which an IPv6 host stands in brackets. Raises `ValueError`."""
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise ValueError("write host:port, such as 127.0.0.1:8081")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _checked_address(address: str) -> str:
    host_and_port(address)
    return address


def _listed(names: object) -> object:
    if not isinstance(names, str):
        return names
    return tuple(dict.fromkeys(name.strip() for name in names.split(",")))


Address = Annotated[str, AfterValidator(_checked_address)]
"""Where to listen: `host:port`."""


class TwilioAccount(BaseModel):
    """An account at Twilio, or another region of one; `name` is how receipts and metrics call it."""

    model_config = ConfigDict(frozen=True)

    name: str
    account_sid: str
    auth_token: SecretStr
    number: str
    api_url: str


class Settings(BaseModel):
    """Everything that differs between two installations. Its repr shows no secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plans: Path = Path("plans")
    sources: Path | None = None
    """Where monitors are described; in `sources`, if there is such a folder, when not set."""
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
    email_via: Annotated[tuple[EmailVendor, ...], BeforeValidator(_listed)] = ()
    """By whom email leaves, the preferred one first; whoever is configured, SendGrid first, when not set."""
    smtp_host: str = ""
    smtp_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """587 for STARTTLS, 465 for TLS, 25 for neither when not set."""
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    smtp_ca_file: Path | None = None
    """Certificates that vouch for the mail server, in place of the system's."""
    smtp_from: str = ""
    """The sender over SMTP; that of `sendgrid_from` when not set."""
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_from: str = ""
    twilio_api_url: str = "https://api.twilio.com"
    twilio_2_account_sid: str = ""
    """A second account takes over when the first fails. What is not said of it is as with the first."""
    twilio_2_auth_token: SecretStr = SecretStr("")
    twilio_2_from: str = ""
    twilio_2_api_url: str = ""
    """Alone it names another region of the first account."""
    worker_http: Address | None = None
    """Where a worker serves its health and metrics; nowhere when not set."""
    temporal_metrics: Address | None = None
    """Where a worker serves the metrics of Temporal's SDK; nowhere when not set."""
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
            names = ", ".join(VARIABLES[_VARIABLE_OF.get(field, field)] for field in empty)
            raise SettingsError(f"set {names}: .env.example says what each is for")

    def require_ways_out(self) -> None:
        """Raise `SettingsError` unless people can be reached by email, text and call."""
        email = [field for vendor in self.email_vendors for field in _NEEDED[vendor]]
        self.require(*email, "twilio_account_sid", "twilio_auth_token", "twilio_from")

    @property
    def email_vendors(self) -> tuple[EmailVendor, ...]:
        """By whom email leaves, in order."""
        configured: list[EmailVendor] = []
        if _plain(self.sendgrid_api_key) or not self.smtp_host:
            configured.append("sendgrid")
        if self.smtp_host:
            configured.append("smtp")
        return self.email_via or tuple(configured)

    @property
    def smtp_sender(self) -> str:
        """The address that email over SMTP comes from."""
        return self.smtp_from or self.sendgrid_from

    @property
    def email_sender(self) -> str:
        """The address that people know email to come from."""
        return self.sendgrid_from or self.smtp_from

    @property
    def twilio_accounts(self) -> tuple[TwilioAccount, ...]:
        """The accounts by which texts and calls leave, in order: one or two."""
        first = TwilioAccount(
            name="twilio",
            account_sid=self.twilio_account_sid,
            auth_token=self.twilio_auth_token,
            number=self.twilio_from,
            api_url=self.twilio_api_url,
        )
        if not (self.twilio_2_account_sid or self.twilio_2_api_url):
            return (first,)
        second = TwilioAccount(
            name="twilio-2",
            account_sid=self.twilio_2_account_sid or first.account_sid,
            auth_token=self.twilio_2_auth_token if _plain(self.twilio_2_auth_token) else first.auth_token,
            number=self.twilio_2_from or first.number,
            api_url=self.twilio_2_api_url or first.api_url,
        )
        return first, second

    @model_validator(mode="after")
    def _a_key_or_a_file_for_it(self) -> Self:
        for field in ("sendgrid_events_public_key", "payload_keys"):
            file = f"{field}_file"
            if _plain(getattr(self, field)) and getattr(self, file):
                names = {"here": VARIABLES[field], "file": VARIABLES[file]}
                raise PydanticCustomError("two_keys", _TWO_KEYS, names)
        return self

    @model_validator(mode="after")
    def _no_mail_in_the_clear(self) -> Self:
        if self.smtp_tls == "none" and not _is_loopback(self.smtp_host):
            raise PydanticCustomError("clear_mail", _CLEAR_MAIL)
        return self

    @model_validator(mode="after")
    def _a_second_account_is_whole(self) -> Self:
        own = [bool(_plain(value)) for value in (self.twilio_2_auth_token, self.twilio_2_from)]
        if self.twilio_2_account_sid and not all(own):
            raise PydanticCustomError("half_an_account", _HALF_AN_ACCOUNT)
        if any(own) and not (self.twilio_2_account_sid or self.twilio_2_api_url):
            raise PydanticCustomError("no_second", _NO_SECOND)
        return self


_VARIABLE_OF = {"smtp_sender": "smtp_from"}
"""What to set where a property is wanting."""

_CLEAR_MAIL = (
    "SMTP_TLS: `none` is for a mail server on this machine, such as SMTP_HOST=127.0.0.1; use starttls or tls"
)
_HALF_AN_ACCOUNT = (
    "set TWILIO_2_AUTH_TOKEN and TWILIO_2_FROM too: a second account has a token and a number of its own"
)
_NO_SECOND = (
    "set TWILIO_2_ACCOUNT_SID for a second account, or TWILIO_2_API_URL for another region of the first one; "
    "without either, TWILIO_2_AUTH_TOKEN and TWILIO_2_FROM mean nothing"
)
_TWO_KEYS = "set {here} or {file}, and leave the other empty"


def _explained(problem: ErrorDetails) -> str:
    """The variable, when it is about one, and what is wrong; never the value, which may be a secret."""
    return ": ".join([*(VARIABLES[str(field)] for field in problem["loc"][:1]), problem["msg"]])


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value or "")


def read_environment() -> Settings:
    """The settings of this process."""
    return Settings.from_environment(os.environ)  # noqa: TID251 — nothing else reads it, but `environment` below


def environment() -> dict[str, str]:
    """The whole environment, for child processes that read their settings from it."""
    return dict(os.environ)  # noqa: TID251 — handed to children as it is


def monitor_variables(prefix: str) -> dict[str, str]:
    """What a monitor that runs us says: the variables whose names begin so."""
    return {name: value for name, value in environment().items() if name.startswith(prefix)}


def temporal_variables() -> dict[str, str]:
    """What the environment says to Temporal's SDK. Raises `SettingsError` for a value that is not UTF-8."""
    found = {name: value for name, value in environment().items() if name.startswith("TEMPORAL_")}
    for name, value in found.items():
        if not _is_utf8(value):
            raise SettingsError(f"{name}: the value is not UTF-8; write it in UTF-8")
    return found


def _is_utf8(value: str) -> bool:
    """Python keeps each byte of the environment that is not UTF-8 as half a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
