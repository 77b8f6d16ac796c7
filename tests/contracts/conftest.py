"""A recorder in front of a sandbox, and our channels in front of the recorder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tocsin.channels.sendgrid_batch import SendGridBatch
from tocsin.channels.sendgrid_email import SendGridEmail
from tocsin.channels.twilio_client import twilio_client
from tocsin.channels.twilio_sms import TwilioSms
from tocsin.channels.twilio_voice import TwilioVoice
from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.server import Sandbox

from .contract import SENDGRID, SPECS, TWILIO_API
from .recorder import Exchange, Recorder


@dataclass(frozen=True)
class Vendors:
    """Every way out that we have, with all that went over it."""

    recorder: Recorder
    sandbox: Sandbox
    email: SendGridEmail
    batch: SendGridBatch
    sms: TwilioSms
    phone: TwilioVoice

    @property
    def exchanges(self) -> list[Exchange]:
        return self.recorder.exchanges


@pytest.fixture(scope="session", autouse=True)
def documents() -> None:
    """Skip where the vendors' documents are not."""
    if not (SENDGRID.is_here and TWILIO_API.is_here):
        pytest.skip(f"the vendors' OpenAPI documents are not beside this checkout, in {SPECS}")


@pytest.fixture(scope="module")
def all_vendors() -> Iterator[Vendors]:
    config = SandboxConfig()
    with Sandbox(config) as sandbox, Recorder(sandbox.url) as recorder:
        twilio = twilio_client(config.account_sid, config.auth_token, base_url=recorder.url)
        yield Vendors(
            recorder,
            sandbox,
            SendGridEmail(config.api_key, "tocsin@example.com", "Tocsin", host=recorder.url),
            SendGridBatch(config.api_key, "tocsin@example.com", "Tocsin", host=recorder.url),
            TwilioSms(twilio, config.number),
            TwilioVoice(twilio, config.number),
        )
        twilio.http_client.close()


@pytest.fixture
def vendors(all_vendors: Vendors) -> Vendors:
    """The same vendors for every test of a module, with nothing recorded yet."""
    all_vendors.exchanges.clear()
    return all_vendors
