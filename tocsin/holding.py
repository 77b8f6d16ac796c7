"""Who has got how much lately, what is held back, and which digests went out, below the state folder:

    held/<recipient>.json     one address on one channel, as `tocsin.domain.lately.Lately` has it
    held/salt                 drawn once; a recipient is named by a keyed hash, never by an address
    digests/<id>.json         what went out together, for the vendors' reports and the keys that are pressed

All workers that send share the folder, so the count is one for all of them. Whatever fails here costs nobody a message:
it goes out as itself, and the log says why.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from tocsin.domain import digests
from tocsin.domain.base import Moment, Value
from tocsin.domain.digests import Admission, Alone
from tocsin.domain.lately import Bundle, Lately
from tocsin.domain.messages import Dispatch, Dispatched
from tocsin.files import locked, write_whole

HELD, DIGESTS = "held", "digests"
KEPT = timedelta(days=30)
"""How long a digest is kept: reports of its delivery, and keys, come within minutes."""

_ID = re.compile(r"[0-9A-Z]{10}")
_log = logging.getLogger(__name__)


class Waiting(Value):
    """A message that is held back for a person, by the directory's key, `until` then."""

    plan: str
    person: str
    message: str
    until: Moment


class HeldBackMessages:
    """The folders below `state`. Nothing here raises `OSError` but `waiting` and `digest`."""

    def __init__(self, state: Path) -> None:
        self._held = state / HELD
        self._digests = state / DIGESTS

    # For whoever sends

    def admit(self, dispatch: Dispatch, person: str, address: str, attempt: int, now: datetime) -> Admission:
        """What becomes of this attempt at a message to `address`."""
        try:
            with self._lately(dispatch.channel, address) as lately:
                admission = digests.admit(lately, dispatch, person, attempt, now)
                if isinstance(admission, digests.Together):
                    self._keep(admission.bundle)  # before it leaves: the vendor's report may come at once
        except OSError as error:
            _log.error("%s goes out uncounted: %s", dispatch.message, error)
            return Alone(may_have_left=attempt > 1)
        return admission

    def has_gone(self, bundle: Bundle, address: str, sent: Dispatched, now: datetime) -> None:
        """A vendor took the digest."""
        with self._noting(bundle, address) as lately:
            digests.has_gone(lately, bundle, sent, now)

    def has_failed(self, bundle: Bundle, address: str) -> None:
        """Nobody took the digest for now; it is tried again."""
        with self._noting(bundle, address) as lately:
            digests.has_failed(lately, bundle)

    def is_given_up(self, bundle: Bundle, address: str) -> None:
        """The vendor will never take the digest; its members go out one by one."""
        with self._noting(bundle, address) as lately:
            digests.is_given_up(lately, bundle)

    # For whoever asks

    def digest(self, id: str) -> Bundle | None:
        """What went out together under this id; `None` when that is not known. Raises `OSError`, `ValueError`."""
        path = self._digests / f"{id}.json"
        if not _ID.fullmatch(id) or not path.exists():
            return None
        return Bundle.model_validate_json(path.read_bytes())

    def waiting(self) -> list[Waiting]:
        """Everything that is held back now, the first to go first. Raises `OSError`."""
        known = [_read(path) for path in self._held.glob("*.json")]
        found = [
            Waiting(plan=each.plan.name, person=each.person, message=each.message, until=lately.until)
            for lately in known
            if lately.until is not None
            for each in lately.waiting
        ]
        return sorted(found, key=lambda each: each.until)

    # The files

    @contextmanager
    def _lately(self, channel: str, address: str) -> Iterator[Lately]:
        """What is known of an address, for this thread of this process alone; what becomes of it is kept."""
        path = self._held / f"{self._recipient(channel, address)}.json"
        with locked(path.with_suffix(".lock")):
            lately = _read(path) if path.exists() else Lately()
            yield lately
            write_whole(path, lately.model_dump_json(exclude_defaults=True).encode(), at_leisure=True)

    @contextmanager
    def _noting(self, bundle: Bundle, address: str) -> Iterator[Lately]:
        """As `_lately`; what cannot be noted is logged: the digest is then taken over, and may go out twice."""
        try:
            with self._lately(bundle.channel, address) as lately:
                yield lately
        except OSError as error:
            _log.error("what became of digest %s cannot be noted: %s", bundle.id, error)

    def _recipient(self, channel: str, address: str) -> str:
        return hmac.new(self._salt(), f"{channel}\0{address}".encode(), hashlib.sha256).hexdigest()[:32]

    def _salt(self) -> bytes:
        path = self._held / "salt"
        if not path.exists():
            with locked(self._held / "salt.lock"):
                if not path.exists():
                    write_whole(path, secrets.token_bytes(32))
        return path.read_bytes()

    def _keep(self, bundle: Bundle) -> None:
        write_whole(self._digests / f"{bundle.id}.json", bundle.model_dump_json().encode())
        for old in self._digests.glob("*.json"):
            if bundle.began.timestamp() - old.stat().st_mtime > KEPT.total_seconds():
                old.unlink(missing_ok=True)


def _read(path: Path) -> Lately:
    """What the file holds; one that a failing machine left unreadable is begun anew, and nothing is held back."""
    try:
        return Lately.model_validate_json(path.read_bytes())
    except ValidationError as error:
        _log.error("%s is unreadable and begun anew: %s", path.name, _why(error))
        return Lately()


def _why(error: ValidationError) -> str:
    """Without what is in the file: it may be about people."""
    return f"{error.error_count()} fields make no sense"
