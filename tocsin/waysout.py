"""The ways out to people: this installation's accounts at the vendors, each behind what takes over from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from activities.phone import PhoneChannelWithMemory
from activities.sms import SmsChannelWithMemory
from tocsin.bulksenders import OneByOne
from tocsin.channels.breaker import Breaker
from tocsin.channels.bulk_email import BulkEmailFailover, BulkWay
from tocsin.channels.failover import Failover, PhoneFailover, Way
from tocsin.channels.metrics import VendorMetrics
from tocsin.channels.sendgrid_batch import SendGridBatch
from tocsin.channels.sendgrid_email import SendGridEmail
from tocsin.channels.smtp_email import SmtpEmail
from tocsin.channels.twilio_account import TwilioWays, twilio_ways
from tocsin.domain.broadcasts import BulkEmailChannel
from tocsin.domain.channel import ChannelName, EmailChannel
from tocsin.settings import EmailVendor, Settings, SettingsError, TwilioAccount

ALONE, AMONG_SEVERAL = 10.0, 5.0
"""Seconds that a vendor has to answer: where another way is left, so few that both fit into one attempt's 20 s."""

BATCH_ALONE, BATCH_AMONG_SEVERAL = 30.0, 15.0
"""The same for a thousand recipients: where another way is left, so few that three failures fit into the breaker's
minute."""

SENDER_NAME = "Tocsin"


@dataclass(frozen=True)
class Channels:
    """The ways out to people; `close` ends the connections that are kept for them.

    `breakers` say, for each channel, which of its ways work, in order; `registry` has what was counted on them.
    `many` takes email to lists; where there is none, each of them leaves over `email`.
    """

    email: EmailChannel
    sms: SmsChannelWithMemory
    phone: PhoneChannelWithMemory
    close: Callable[[], None] = lambda: None
    many: BulkEmailChannel | None = None
    breakers: Mapping[ChannelName, tuple[Breaker, ...]] = field(default_factory=dict)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)


def channels_of(settings: Settings) -> Channels:
    """This installation's accounts at the vendors. Raises `SettingsError` where one is not configured."""
    settings.require_ways_out()
    mailers = [_Mailer(Breaker(vendor), channel) for vendor, channel in _email_channels(settings)]
    twilio = [_twilio(each, _patience(settings.twilio_accounts)) for each in settings.twilio_accounts]
    of_twilio, of_email = tuple(each.breaker for each in twilio), tuple(each.breaker for each in mailers)
    metrics = VendorMetrics([*of_email, *of_twilio])
    return Channels(
        email=Failover("email", [Way(each.breaker, each.channel.send) for each in mailers], metrics),
        sms=Failover("sms", [each.texts for each in twilio], metrics),
        phone=PhoneFailover("phone", [each.calls for each in twilio], metrics),
        close=lambda: _close_all(twilio),
        breakers={"email": of_email, "sms": of_twilio, "phone": of_twilio},
        registry=metrics.registry,
        many=BulkEmailFailover([_in_bulk(settings, each) for each in mailers], metrics),
    )


def _close_all(accounts: Sequence[TwilioWays]) -> None:
    for account in accounts:
        account.close()


@dataclass(frozen=True)
class _Mailer:
    """Whoever takes email: what fails for one recipient fails for many, so both share the breaker."""

    breaker: Breaker
    channel: EmailChannel


def _in_bulk(settings: Settings, mailer: _Mailer) -> BulkWay:
    """The way of a list by a vendor: in batches by SendGrid, one by one by a mail server."""
    if not isinstance(mailer.channel, SendGridEmail):
        return BulkWay(mailer.breaker, OneByOne(mailer.channel).send, largest=OneByOne.largest)
    batches = SendGridBatch(
        settings.sendgrid_api_key.get_secret_value(),
        settings.sendgrid_from,
        SENDER_NAME,
        host=settings.sendgrid_host,
        timeout_seconds=_patience(settings.email_vendors, BATCH_ALONE, BATCH_AMONG_SEVERAL),
    )
    return BulkWay(mailer.breaker, batches.send, largest=batches.largest)


def _patience(ways: Sequence[object], alone: float = ALONE, among_several: float = AMONG_SEVERAL) -> float:
    return alone if len(ways) == 1 else among_several


def _email_channels(settings: Settings) -> list[tuple[EmailVendor, EmailChannel]]:
    """By whom email leaves, in order."""
    makers: dict[EmailVendor, Callable[[Settings, float], EmailChannel]]
    makers = {"sendgrid": _sendgrid, "smtp": _smtp}
    timeout = _patience(settings.email_vendors)
    return [(vendor, makers[vendor](settings, timeout)) for vendor in settings.email_vendors]


def _sendgrid(settings: Settings, timeout: float) -> EmailChannel:
    return SendGridEmail(
        settings.sendgrid_api_key.get_secret_value(),
        settings.sendgrid_from,
        SENDER_NAME,
        host=settings.sendgrid_host,
        timeout_seconds=timeout,
    )


def _smtp(settings: Settings, timeout: float) -> EmailChannel:
    try:
        return SmtpEmail(
            settings.smtp_host,
            settings.smtp_sender,
            SENDER_NAME,
            port=settings.smtp_port,
            user=settings.smtp_user,
            password=settings.smtp_password.get_secret_value(),
            tls=settings.smtp_tls,
            ca_file=settings.smtp_ca_file,
            timeout_seconds=timeout,
        )
    except OSError as error:
        raise SettingsError(f"SMTP_CA_FILE: {error}; name a file of PEM certificates") from error


def _twilio(account: TwilioAccount, timeout: float) -> TwilioWays:
    return twilio_ways(
        account.name,
        account.account_sid,
        account.auth_token.get_secret_value(),
        account.number,
        api_url=account.api_url,
        timeout_seconds=timeout,
    )
