"""What can be configured, and what it is when nobody says."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from tocsin.domain.base import Value

RETRY_WAITS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds between attempts at one callback: a receiver may be away for a minute and still hear everything."""


class SandboxConfig(Value):
    """The sandbox's addresses, credentials and tempo; times in seconds, phone numbers in E.164.

    The credentials are stand-ins that open nothing but a sandbox. An empty URL means that nobody is told.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535, description="0 takes a free port")

    account_sid: str = Field(default="AC" + "0" * 32, pattern=r"^AC[0-9a-f]{32}$")
    auth_token: str = Field(default="sandbox-auth-token", repr=False)
    api_key: str = Field(default="SG.sandbox", repr=False)
    number: str = Field(
        default="+15005550006", description="what a reply is sent to when nothing was sent before"
    )

    events_url: str = Field(default="", description="where SendGrid's event webhook posts")
    inbound_sms_url: str = Field(default="", description="where replies to SMS are posted")
    inbound_call_url: str = Field(
        default="", description="where people's calls are answered, unless a call says otherwise"
    )
    event_key_file: Path | None = Field(
        default=None, description="PEM; made when absent; None: in memory only"
    )

    delivery_delay: float = Field(default=0.0, ge=0, description="between two states of an email or SMS")
    ring_seconds: float = Field(default=25.0, gt=0, description="how long a phone rings at most")
    seconds_per_word: float = Field(
        default=0.4, ge=0, description="how long a person listens before a key is due"
    )

    callback_waits: tuple[float, ...] = RETRY_WAITS
    callback_timeout: float = Field(default=10.0, gt=0)
    callback_concurrency: int = Field(default=32, gt=0)

    max_messages: int = Field(default=200_000, gt=0)
    state_file: Path | None = Field(default=None, description="JSONL; None: nothing survives a restart")
