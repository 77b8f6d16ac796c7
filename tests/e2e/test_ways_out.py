"""The first vendors die: people are reached by the second ones within seconds, and by the first when they are back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.channels.mailserver import MailServer
from tests.e2e.conftest import lighthouse_stack
from tests.e2e.outside import KIT, LONG, Onlooker, dead, running_stack, sends, wait_until_met
from tests.e2e.payloads import lamp_is_out
from tocsin.callbacks import SMS_PATH
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack
from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.server import Sandbox

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SECONDS = 10.0
"""In which a page must be out although the first vendor is dead."""

SECOND = {"account_sid": "AC" + "2" * 32, "auth_token": "second-token", "number": "+15005550002"}


@dataclass(frozen=True)
class Town:
    """A stack whose worker knows a second account at Twilio and a mail server beside SendGrid."""

    stack: Stack
    second: Sandbox
    mail: MailServer

    def health(self) -> dict[str, Any]:
        said: dict[str, Any] = httpx.get(self._worker("/healthz"), timeout=10).json()
        return said

    def breaker(self, vendor: str) -> str:
        return str(self.health()["vendors"][vendor]["breaker"])

    def metric(self, name: str, **labels: str) -> float:
        """A number of the worker's, 0 where there is none."""
        families = text_string_to_metric_families(httpx.get(self._worker("/metrics"), timeout=10).text)
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def _worker(self, path: str) -> str:
        return f"http://127.0.0.1:{self.stack.ports.health}{path}"


@pytest.fixture
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    stack = lighthouse_stack(tmp_path_factory.mktemp("town"))
    config = SandboxConfig.model_validate({**SECOND, "inbound_sms_url": f"{stack.receiver_url}{SMS_PATH}"})
    with MailServer() as mail, Sandbox(config) as second:
        more = {
            "TWILIO_2_ACCOUNT_SID": SECOND["account_sid"],
            "TWILIO_2_AUTH_TOKEN": SECOND["auth_token"],
            "TWILIO_2_FROM": SECOND["number"],
            "TWILIO_2_API_URL": second.url,
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(mail.port),
            "SMTP_TLS": "none",
        }
        stack = replace(stack, environment={**stack.environment, **more})
        with running_stack(stack):
            yield Town(stack, second, mail)


@pytest.fixture
def play(town: Town) -> Iterator[Play]:
    with closing(Onlooker(town.stack)) as play:
        yield play


def test_the_second_account_pages_while_the_first_is_dead_and_the_first_when_it_is_back(
    town: Town, play: Play
) -> None:
    with dead(town.stack, "sandbox"):
        began = time.monotonic()
        incidents = [play.alert(lamp_is_out(lamp))["key"] for lamp in (1, 2, 3)]
        texts = play.wait_for("three pages", lambda: _at_least(3, town.second.messages("sms", KIT)), LONG)
        assert time.monotonic() - began < SECONDS
        assert {text.sender for text in texts} == {SECOND["number"]}

        # Kit answers to the second number, signed by the second account.
        town.second.reply(KIT, "ACK ALL")
        for incident in incidents:
            wait_until_met(play, incident, "summon")
            (text,) = sends(play, incident, channel="sms")
            assert (text["vendor"], text["state"]) == ("twilio-2", "delivered")

        # Mail goes over the relay, which can say only that it left.
        play.tocsin("report", incidents[0], "interim", "--send", person="kit")
        play.wait_for("the mail", lambda: town.mail.mails, LONG)
        mail = play.wait_for(
            "the mail to be known as sent",
            lambda: sends(play, incidents[0], channel="email", vendor="smtp"),
            LONG,
        )[0]
        assert mail["state"] == "sent"

        # Whoever looks sees it; nobody's health has suffered, because there is another way.
        health = town.health()
        assert health["status"] == "ok"
        assert health["vendors"]["twilio"]["breaker"] in {"open", "half_open"}
        assert health["vendors"]["twilio"]["last_failure"]["kind"] == "try_again"
        assert health["vendors"]["twilio-2"] == {"breaker": "closed", "last_failure": None}
        assert town.metric("tocsin_vendor_breaker_state", vendor="twilio") > 0
        assert town.metric("tocsin_vendor_requests_total", vendor="twilio", outcome="try_again") >= 3
        assert town.metric("tocsin_vendor_requests_total", vendor="twilio-2", outcome="sent") >= 3

    play.wait_for("the first account's pause to end", lambda: town.breaker("twilio") == "half_open", LONG)
    after = play.alert(lamp_is_out(4))["key"]

    text = play.wait_for(
        "a page by the first", lambda: sends(play, after, channel="sms", vendor="twilio"), LONG
    )
    assert len(text) == 1
    assert town.breaker("twilio") == "closed"
    assert town.metric("tocsin_vendor_breaker_state", vendor="twilio") == 0


def _at_least(number: int, found: list[Any]) -> list[Any] | None:
    return found if len(found) >= number else None
