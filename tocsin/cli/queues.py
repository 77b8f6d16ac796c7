"""What waits to be sent: in Temporal's queues, and held back so that nobody is flooded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import click

from tocsin.cli import options, tables
from tocsin.cli.errors import Failed
from tocsin.cli.incidents import Queue
from tocsin.cli.office import Office, pass_office
from tocsin.cli.times import relative
from tocsin.domain.base import Value
from tocsin.domain.durations import describe
from tocsin.holding import HeldBackMessages, Waiting


class Queues(Value):
    """The queues; and what is held back, as far as this machine has the state folder."""

    queues: tuple[Queue, ...]
    held_back: tuple[Waiting, ...]


@click.command("queues")
@options.output
@pass_office
def queues_command(office: Office) -> None:
    """Tell what waits to be sent, and what is held back.

    How many tasks wait in each queue, since when, and how fast they leave, as Temporal estimates it. What is held back,
    so that its recipient gets one message instead of many, is known where TOCSIN_STATE is the workers' own.
    """
    state = office.settings().state
    try:
        held = tuple(HeldBackMessages(state).waiting())
    except OSError as error:
        raise Failed(
            f"what is held back cannot be read below {state}: {error}; check TOCSIN_STATE"
        ) from error
    queues = tuple(office.run(lambda incidents: incidents.queues()))
    office.emit(Queues(queues=queues, held_back=held), lambda: told(queues, held, office.now()))


def told(queues: Sequence[Queue], held: Sequence[Waiting], now: datetime) -> str:
    """The queues, one a line, and below them whoever has messages that are held back."""
    rows = [
        (
            each.queue,
            str(each.waiting),
            _lasting(each.oldest_seconds) if each.waiting else "–",
            f"{each.leaves_per_second:.1f}/s",
            f"{each.rate:g}/s" if each.rate is not None else "any",
            str(each.workers) if each.workers else "none: start one, python worker.py",
        )
        for each in queues
    ]
    headings = ("QUEUE", "WAITING", "OLDEST", "LEAVING", "RATE", "WORKERS")
    return "\n\n".join([tables.table(headings, rows, "there are no queues"), _held(held, now)])


def _held(held: Sequence[Waiting], now: datetime) -> str:
    """By person: how many messages, and when they come in one."""
    numbers = Counter((each.plan, each.person, each.until) for each in held)
    rows = [
        (plan, f"@{person}", str(number), relative(until, now))
        for (plan, person, until), number in numbers.items()
    ]
    return tables.table(("PLAN", "TO", "HELD BACK", "UNTIL"), rows, "nothing is held back")


def _lasting(seconds: float) -> str:
    return describe(timedelta(seconds=max(1, round(seconds))))
