"""Whether an incident's promises were kept, judged from outside: its ledger, its messages, and what really arrived."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Row = dict[str, Any]

_ARRIVED = {"delivered", "completed", "opened"}


def unkept(ledger: Sequence[Row], sent: Sequence[Row], arrived: Sequence[Row]) -> list[str]:
    """What was promised and not kept, in words; empty when all is well.

    `ledger` and `sent` are what `tocsin ledger` and `tocsin messages` print as JSON; `arrived` is what the sandbox has.
    """
    return [*_verdicts(ledger), *_messages(sent, arrived)]


def _verdicts(ledger: Sequence[Row]) -> Iterator[str]:
    for row in ledger:
        if row["verdict"] not in {"met", "not applicable"}:
            yield f"{row['key']} is {row['verdict']}: {row['reason']}"
        elif row["verdict"] == "not applicable" and not row["reason"]:
            yield f"{row['key']} is not applicable, and nobody says why"


def _messages(sent: Sequence[Row], arrived: Sequence[Row]) -> Iterator[str]:
    ids = {message["vendor_id"]: message for message in arrived}
    for message in sent:
        at_vendor = ids.get(message["vendor_id"])
        if at_vendor is None:
            yield f"{message['channel']} {message['id']} is not in the sandbox"
        elif message["channel"] == "email" and at_vendor["status"] not in _ARRIVED:
            yield f"email {message['id']} was not delivered: {at_vendor['status']}"
        elif message["channel"] == "email" and message["state"] != "delivered":
            yield f"email {message['id']} arrived, and the incident does not know: {message['state']}"
