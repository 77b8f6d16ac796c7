"""The people of a rehearsal: who got what, and who answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from tocsin.domain.messages import Dispatch, Dispatched
from tocsin.rehearsal.clock import Timekeeper
from tocsin.rehearsal.scenario import PICKS_UP_AFTER, AnsweredChannel, Habit
from tocsin.sandbox.app import Parts
from tocsin.sandbox.models import Message

NOBODY = Habit()
ACKNOWLEDGES = "1"
"""The key that a call asks for."""


@dataclass(frozen=True)
class Letter:
    """A message that a vendor took: what it is for, and to whom it went."""

    dispatch: Dispatch
    reached: str
    vendor_id: str


class People:
    """Those at the phones. Each answers as the scenario says, and only what reaches them."""

    def __init__(self, habits: Mapping[str, Habit], timekeeper: Timekeeper) -> None:
        self._habits = dict(habits)
        self._timekeeper = timekeeper
        self._sandbox: Parts | None = None
        self.letters: list[Letter] = []

    def pick_up_at(self, sandbox: Parts) -> None:
        """From now on this is where their messages arrive."""
        self._sandbox = sandbox

    def hear(self, dispatch: Dispatch, sent: Dispatched) -> None:
        """A message is on its way to somebody."""
        letter = Letter(dispatch, sent.reached, sent.vendor_id)
        self.letters.append(letter)
        channel = dispatch.channel
        if channel != "email" and channel in self._habit(letter.reached).answers:
            self._timekeeper.background.spawn(self._answer_in_time(letter))

    def change(self, person: str, channels: tuple[AnsweredChannel, ...]) -> None:
        """From now on somebody answers so; what waits for them, or rings, is answered at once."""
        self._habits[person] = self._habit(person).model_copy(update={"answers": channels})
        waiting = [letter for letter in self.letters if letter.reached == person]
        for channel in channels:
            latest = [letter for letter in waiting if letter.dispatch.channel == channel][-1:]
            for letter in latest:
                self._answer(letter)

    def _habit(self, person: str) -> Habit:
        return self._habits.get(person, NOBODY)

    async def _answer_in_time(self, letter: Letter) -> None:
        habit = self._habit(letter.reached)
        await self._timekeeper.sleep(self._delay(letter, habit).total_seconds())
        if letter.dispatch.channel in self._habit(letter.reached).answers:
            self._answer(letter)

    def _delay(self, letter: Letter, habit: Habit) -> timedelta:
        return PICKS_UP_AFTER if letter.dispatch.channel == "phone" else habit.after

    def _answer(self, letter: Letter) -> None:
        """Answer what can be answered: a page by text that arrived, a phone that rings."""
        assert self._sandbox is not None
        message = self._sandbox.store.get(letter.vendor_id)
        if message is None:
            return
        if message.live:
            self._sandbox.exchange.press(message.id, ACKNOWLEDGES)
        elif _is_a_page_that_arrived(letter, message):
            self._sandbox.texts.reply(message.to, letter.dispatch.code, message.sender)


def _is_a_page_that_arrived(letter: Letter, message: Message) -> bool:
    return letter.dispatch.purpose == "page" and message.kind == "sms" and message.status == "delivered"
