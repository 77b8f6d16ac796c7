"""An account at Twilio as two ways out, for texts and for calls, which share its connections and its breaker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tocsin.channels.breaker import Breaker
from tocsin.channels.failover import Way
from tocsin.channels.twilio_client import twilio_client
from tocsin.channels.twilio_sms import TwilioSms
from tocsin.channels.twilio_voice import TwilioVoice
from tocsin.domain.channel import Call, Sms


@dataclass(frozen=True)
class TwilioWays:
    """The ways of one account; `close` ends the connections that are kept for them."""

    breaker: Breaker
    texts: Way[Sms]
    calls: Way[Call]
    close: Callable[[], None]


def twilio_ways(
    name: str, account_sid: str, auth_token: str, number: str, *, api_url: str, timeout_seconds: float
) -> TwilioWays:
    """Texts and calls from `number`; receipts and metrics call the account `name`."""
    client = twilio_client(account_sid, auth_token, base_url=api_url, timeout_seconds=timeout_seconds)
    sms, voice, breaker = TwilioSms(client, number), TwilioVoice(client, number), Breaker(name)
    return TwilioWays(
        breaker,
        texts=Way(breaker, sms.send, sms.find),
        calls=Way(breaker, voice.call, voice.find),
        close=client.http_client.close,
    )
