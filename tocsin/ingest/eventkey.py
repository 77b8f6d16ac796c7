"""The key that checks SendGrid's events: given in the settings, or in a file that may appear later than its reader."""

from __future__ import annotations

import logging
from pathlib import Path

from tocsin.channels.signatures import SendGridEvents
from tocsin.settings import Settings, SettingsError

_log = logging.getLogger(__name__)


class EventKeyMissing(Exception):
    """No key can be had from the file at the moment; the text names the file and says why."""


class EventKey:
    """Raises `SettingsError` for a key that is none; a file that is not there yet is only warned of.

    The file is read for every batch of events, so that a key that was made or replaced counts without a restart.
    """

    def __init__(self, settings: Settings) -> None:
        self._file = settings.sendgrid_events_public_key_file
        given = settings.sendgrid_events_public_key
        self._given = _checked(given, "SENDGRID_EVENTS_PUBLIC_KEY") if given else None
        if self._file is not None:
            _inspect(self._file)

    def made(self, signature: str, timestamp: str, body: bytes) -> bool:
        """Whether the key made this signature; without a key none is believed. Raises `EventKeyMissing`."""
        events = self._given if self._file is None else _current(self._file)
        return events is not None and events.is_valid(body, signature, timestamp)


def _inspect(file: Path) -> None:
    try:
        _checked(_content(file), f"SENDGRID_EVENTS_PUBLIC_KEY_FILE: {file}")
    except FileNotFoundError:
        _log.warning("%s is not there yet; until it is, SendGrid's events are asked for again", file)
    except OSError as error:
        raise SettingsError(
            f"SENDGRID_EVENTS_PUBLIC_KEY_FILE: {error}; name a file that can be read"
        ) from error


def _current(file: Path) -> SendGridEvents:
    try:
        return _checked(_content(file), str(file))
    except (OSError, SettingsError) as error:
        raise EventKeyMissing(str(error)) from error


def _content(file: Path) -> str:
    return file.read_text(encoding="ascii", errors="replace").strip()


def _checked(key: str, origin: str) -> SendGridEvents:
    try:
        return SendGridEvents(key)
    except ValueError as error:
        raise SettingsError(f"{origin}: {error}") from error
