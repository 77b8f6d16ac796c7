"""A circuit breaker for one vendor's account: where nothing gets through, messages go another way at once.

    closed ── FAILURES in a row, within WINDOW ──▶ open ── after its pause ──▶ half open
       ▲                                             ▲                            │
       │                                             └──── the probe failed ──────┤
       └────────────────── anything got through ──────────────────────────────────┘

| what | number | why |
| --- | --- | --- |
| failures in a row | 3 | one or two are an accident; each costs somebody a time-out before the second way is tried |
| within | 60 s | failures that are further apart say nothing about now |
| pause before a probe | 15 s | a vendor that restarts is back in use within the quarter of a minute |
| growth, longest pause | ×2, 2 min | a probe may cost one message a time-out, so a long outage is probed seldom |
| patience with a probe | 30 s | longer than an attempt to send: a probe of which nothing is heard is forgotten |
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tocsin.domain.base import Value

_log = logging.getLogger(__name__)


class BreakerState(StrEnum):
    """Whether a way is taken."""

    CLOSED = "closed"
    """It works, as far as is known: messages go this way."""

    HALF_OPEN = "half_open"
    """It did not work a while ago. One message at a time goes this way, to find out."""

    OPEN = "open"
    """It does not work: messages go another way, where there is one."""


class BreakerPolicy(Value):
    """When a breaker opens, and how long for; in seconds. The module says why these numbers."""

    failures: int = 3
    window: float = 60.0
    pause: float = 15.0
    growth: float = 2.0
    longest_pause: float = 120.0
    patience: float = 30.0


@dataclass(frozen=True)
class LastFailure:
    """The kind of the latest failure, as metrics call it (`try_again`, `account_refused`, `outcome_unknown`), and how
    many seconds ago it was."""

    kind: str
    seconds_ago: float


class Breaker:
    """Knows whether a vendor's account works from what became of what it was asked; shared between threads.

    `clock` gives seconds that never go back.
    """

    def __init__(
        self,
        name: str,
        policy: BreakerPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._policy = policy or BreakerPolicy()
        self._clock = clock
        self._lock = threading.Lock()
        self._row: deque[float] = deque(maxlen=self._policy.failures)
        """When the failures since the last success were."""
        self._pause = 0.0
        """Of the opening that lasts, or 0 while closed."""
        self._due = 0.0
        """While not closed: when the next probe may go."""
        self._is_probing = False
        self._last: tuple[str, float] | None = None

    def __repr__(self) -> str:
        return f"Breaker({self.name!r}, {self.state.value})"

    @property
    def state(self) -> BreakerState:
        """Where it stands now."""
        with self._lock:
            return self._state(self._clock())

    @property
    def due_in(self) -> float:
        """Seconds until a message may go this way; 0 when one may go now."""
        with self._lock:
            return max(0.0, self._due - self._clock()) if self._pause else 0.0

    @property
    def last_failure(self) -> LastFailure | None:
        """The latest failure, for people who ask what is wrong."""
        with self._lock:
            return LastFailure(self._last[0], self._clock() - self._last[1]) if self._last else None

    def admits(self) -> bool:
        """Whether a message may go this way now. In a half-open breaker a yes makes that message the probe."""
        with self._lock:
            now = self._clock()
            if not self._pause:
                return True
            if now < self._due:
                return False
            # Whoever asks next waits for the outcome, though not for ever.
            self._is_probing, self._due = True, now + self._policy.patience
            return True

    def succeeded(self) -> None:
        """The vendor did what it was asked, or refused it for the recipient's sake: it works."""
        with self._lock:
            was_shut = bool(self._pause)
            self._row.clear()
            self._pause, self._is_probing = 0.0, False
        if was_shut:
            _log.warning("%s works again", self.name)

    def failed(self, kind: str, retry_after: float = 0.0) -> None:
        """The vendor did not do what it was asked; it may have said for how many seconds it wants to be left alone."""
        with self._lock:
            now = self._clock()
            self._last = (kind, now)
            self._row.append(now)
            pause = self._next_pause(now)
            if pause:
                self._pause, self._is_probing = pause, False
                self._due = now + max(pause, min(retry_after, self._policy.longest_pause))
        if pause:
            _log.error("%s does not work (%s): passed over for %.0f s at least", self.name, kind, pause)

    def _next_pause(self, now: float) -> float:
        """How long it opens for, by the failure at `now`; 0 when it stays as it is."""
        policy = self._policy
        match self._state(now):
            case BreakerState.CLOSED:
                is_full = len(self._row) == policy.failures and now - self._row[0] <= policy.window
                return policy.pause if is_full else 0.0
            case BreakerState.HALF_OPEN:
                return min(self._pause * policy.growth, policy.longest_pause)
            case BreakerState.OPEN:  # the news of something that was begun before, or for want of another way
                return 0.0

    def _state(self, now: float) -> BreakerState:
        if not self._pause:
            return BreakerState.CLOSED
        may_or_does_probe = self._is_probing or now >= self._due
        return BreakerState.HALF_OPEN if may_or_does_probe else BreakerState.OPEN
