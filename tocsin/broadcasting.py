"""Sending broadcasts: pin the list, then hand over one batch after the other, by the journal.

Whatever dies, and whenever, nobody is passed over: what was begun and has no end is handed over again, and counted as
what may be doubled. An email goes to a thousand people in one request, a text to one; of a text Twilio can be asked
whether it was taken, so none is doubled without need. Where a mail server takes over from SendGrid, the rest of a batch
goes on one by one, and in batches again when SendGrid is back.

In a drill each batch goes to the drill inbox, once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from tocsin.audiences import ListError, Lists
from tocsin.broadcastfiles import BroadcastFolder, Pinned, Trouble, keep_list, read_list
from tocsin.broadcastjournal import Journal, Span
from tocsin.bulksenders import Sender, Ways, sender_of
from tocsin.bulkwords import BulkWords
from tocsin.domain.broadcasts import BatchRefused, PinList, PinnedList, Row, SendShare, Share
from tocsin.domain.channel import AccountRefused, ChannelName, OutcomeUnknown, Refused, TryAgain
from tocsin.domain.messages import Dispatch
from tocsin.library import PlanLibrary
from tocsin.optouts import OptOuts
from tocsin.rendering import Templates
from tocsin.sifting import Sifted, WhyNot, sift
from tocsin.suppressions import Suppressions

BATCHES_IN_A_SHARE = 10
"""Emails: 10,000 recipients for six events of history."""

LONGEST_SHARE = timedelta(minutes=30)
"""What leaves one by one, texts and mail by a mail server: a share has as many as leave in this time. Then the workflow
is told how far it has come."""

UNEXPLAINED = 20
"""After so many refusals in a row of single recipients, none of them explained, the message is at fault, not they."""

GoOn = Callable[[], bool]
"""Whether the next batch may be begun: not where this process is about to stop."""


class Broadcasting:
    """Pins lists and sends broadcasts below `state`. May be shared between threads."""

    def __init__(
        self,
        state: Path,
        library: PlanLibrary,
        templates: Templates,
        ways: Ways,
        public_url: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._state = state
        self._library = library
        self._lists = Lists(library)
        self._templates = templates
        self._ways = ways
        self._public_url = public_url
        self._clock = clock

    def pin(self, request: PinList) -> PinnedList:
        """Put a list down as it is now; once for each broadcast. Raises `AdapterFailed`, `OSError`."""
        folder = BroadcastFolder(self._state, request.broadcast)
        if (known := folder.pinned()) is not None:
            return known.list
        try:
            entries = self._lists.entries(request.plan, request.list)
            sifted = sift(entries, request.channel, why_not(self._state, request.channel))
        except ListError as error:
            sifted, problem = Sifted(), str(error)
        else:
            problem = nobody_in(sifted, request.list, request.channel)
        sha256 = keep_list(self._state, sifted.rows)
        found = PinnedList(sha256=sha256, counts=sifted.counts, doubled=sifted.doubled, problem=problem)
        folder.pin(Pinned(asked=request, at=self._clock(), list=found), sifted.troubles)
        return found

    def send(self, share: SendShare, goes_on: GoOn) -> Share:
        """Go on where the journal stands, for one share of the work.

        Raises `ChannelError` where a vendor can't or won't now, `InUse`, `OSError`; the next share goes on from there.
        """
        folder = BroadcastFolder(self._state, share.broadcast)
        pinned = folder.pinned()
        if pinned is None:
            raise FileNotFoundError(f"broadcast {share.broadcast} is not pinned below {self._state}")
        rows = read_list(self._state, share.sha256)
        with folder.journal() as journal:
            with _put_down(journal):
                Sending(folder, journal, rows, self._sender(share.dispatch), self._clock).share(goes_on)
            return Share(counts=journal.course.counts(pinned.list.counts))

    def _sender(self, dispatch: Dispatch) -> Sender:
        words = BulkWords(self._templates, dispatch, self._public_url)
        if not dispatch.is_drill:
            return sender_of(self._ways, dispatch, words, None)
        inbox = self._library.directory(dispatch.plan.name).drill
        return sender_of(
            self._ways, dispatch, words, inbox.email if dispatch.channel == "email" else inbox.phone
        )


class Sending:
    """One share of a broadcast's work, under its journal."""

    def __init__(
        self,
        folder: BroadcastFolder,
        journal: Journal,
        rows: Sequence[Row],
        sender: Sender,
        clock: Callable[[], datetime],
    ) -> None:
        self._folder = folder
        self._journal = journal
        self._rows = rows
        self._sender = sender
        self._clock = clock
        self._largest = sender.largest
        self._unexplained = 0

    def share(self, goes_on: GoOn) -> None:
        """Hand batches over until the share is done, the list ends, or the process is about to."""
        batches, ends = 0, time.monotonic() + LONGEST_SHARE.total_seconds()
        while self._journal.course.cursor < len(self._rows) and goes_on():
            span = self._next_span()
            batches += self._batch(span) and span[1] - span[0] > 1
            if time.monotonic() > ends or batches >= BATCHES_IN_A_SHARE:
                return

    def _next_span(self) -> Span:
        """From the cursor on: what is in doubt, whole, else as many of one style as go together."""
        course = self._journal.course
        if course.doubtful is not None:
            return course.doubtful
        start = course.cursor
        end = min(start + self._largest, len(self._rows))
        style = self._rows[start].style
        return start, next((at for at in range(start, end) if self._rows[at].style != style), end)

    def _batch(self, span: Span) -> bool:
        """Hand a batch over; whether it was taken. One that is refused without saying for whom is halved until it is
        found: a share must not end in the middle of that, because the next one would begin with a whole batch."""
        course = self._journal.course
        since = course.begun if course.doubtful else None
        again = span[1] - span[0] if course.doubtful and not self._sender.can_be_asked else 0
        self._journal.begin(span, self._clock(), again)
        try:
            refused = self._hand_over(span, since)
        except BatchRefused as error:
            self._narrow(span, error)
            return False
        except OutcomeUnknown:
            raise  # it stays in doubt
        except (TryAgain, Refused) as error:
            self._journal.not_taken(span)
            if not self._is_to_be_divided(span, error):
                raise
            self._largest = self._sender.largest
            return False
        self._journal.taken(span, refused)
        self._largest = min(2 * self._largest, self._sender.largest)
        self._unexplained = 0
        return True

    def _is_to_be_divided(self, span: Span, error: TryAgain | Refused) -> bool:
        """Whether another way has taken over from the one that failed, and takes fewer at once than these."""
        passes = isinstance(error, (TryAgain, AccountRefused))
        return passes and span[1] - span[0] > self._sender.largest

    def _hand_over(self, span: Span, since: datetime | None) -> list[int]:
        """Leave out whom the vendor names until it takes the others; the positions of those left out."""
        left, refused = list(range(*span)), list[int]()
        while left:
            try:
                self._sender.send([self._rows[at] for at in left], None, since)
                break
            except BatchRefused as error:
                if not error.positions:
                    raise
                named = {left[at] for at in error.positions}
                self._refuse(sorted(named), str(error))
                refused += named
                left = [at for at in left if at not in named]
        return sorted(refused)

    def _narrow(self, span: Span, error: BatchRefused) -> None:
        """The vendor took nobody and named nobody: try half of them, or give the one up who is left."""
        size = span[1] - span[0]
        if size > 1:
            self._journal.not_taken(span)
            self._largest = size // 2
        else:
            self._refuse([span[0]], str(error))
            self._journal.taken(span, [span[0]])
            self._largest = 1
            self._unexplained += 1
            if self._unexplained >= UNEXPLAINED:
                raise Refused(f"{error}; nobody is taken, so the message is at fault: correct it", error.code)

    def _refuse(self, positions: Sequence[int], why: str) -> None:
        rows = [self._rows[at] for at in positions]
        self._folder.note([Trouble(row=row.number, key=row.key, reason=why) for row in rows])


@contextmanager
def _put_down(journal: Journal) -> Iterator[None]:
    """Note a refusal for good, for whoever looks later; an account can be put right."""
    try:
        yield
    except AccountRefused:
        raise
    except Refused as error:
        journal.given_up(str(error))
        raise


def why_not(state: Path, channel: ChannelName) -> WhyNot:
    """Who may not be written to over a channel: mail that came back, people who replied STOP."""
    if channel == "email":
        return Suppressions(state).now().reason
    opted_out = OptOuts(state)
    return lambda number: "replied STOP: wants no text messages" if opted_out.has(number) else ""


def nobody_in(sifted: Sifted, name: str, channel: ChannelName) -> str:
    """Why nobody of a list can be written to; empty when somebody can."""
    if sifted.rows:
        return ""
    if not sifted.counts.recipients:
        return f"the list {name} has nobody"
    return (
        f"the list {name} has nobody who can be written to by {channel}: "
        f"{sifted.malformed:,} malformed, {sifted.suppressed:,} suppressed"
    )
