"""A message to 100,000 people by email: how many a second, at what cost in history; is anybody left out, or told twice?

The list is a file beside a plan, as anybody's would be. The clock runs from the start of the workflow until it has
ended; reading and pinning the list is part of that. The vendors' reports come in meanwhile, and take their share of the
machine.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from bench.scale import Metrics, Scale
from bench.stand import Stand
from tocsin.announcing import Announcement, begin, start_of
from tocsin.broadcastfiles import BroadcastFolder
from tocsin.domain import naming

LIST = "multitude.csv"
TEXT = "Dear {{name|customer}},\n\nthere is fog. Stay in the harbour until the bell has rung twice.\n\n" * 5


async def measure(stand: Stand, scale: Scale) -> Metrics:
    """One broadcast, once."""
    plan = next(iter(stand.library().plans.values()))
    told = write_list(plan.folder / "lists" / LIST, stand.name("ship", 0), scale.recipients)
    announcement = Announcement(list=LIST, via="email", subject="Fog", text=TEXT)
    start = start_of(announcement, plan, datetime.now(UTC))
    handle = stand.temporal.get_workflow_handle(naming.broadcast_workflow(start.broadcast))

    began = time.monotonic()
    await begin(stand.temporal, start)
    await handle.result()
    seconds = time.monotonic() - began

    arrived = Counter(taken(stand.stack.state / "sandbox" / "inbox.jsonl", start.broadcast))
    history = await handle.fetch_history()
    return {
        f"broadcast_{in_short(scale.recipients)}": {
            "seconds": round(seconds, 2),
            "recipients_per_second": round(scale.recipients / seconds, 1),
            "history_events": len(history.events),
            "lost": len(told - arrived.keys()),
            "doubled": sum(count - 1 for count in arrived.values()),
            "may_be_doubled": BroadcastFolder(stand.stack.settings.state, start.broadcast)
            .course()
            .may_be_doubled,
        }
    }


def write_list(path: Path, name: str, recipients: int) -> set[str]:
    """A list of so many who have never been written to before; their addresses."""
    addresses = [f"{name}-{number}@example.org" for number in range(recipients)]
    path.parent.mkdir(exist_ok=True)
    lines = [f"{address},Ship {number}" for number, address in enumerate(addresses)]
    path.write_text("\n".join(["email,name", *lines]) + "\n")
    return set(addresses)


def taken(journal: Path, broadcast: str) -> list[str]:
    """Whom the vendor took mail of this broadcast for, from what it keeps: to ask it for so many takes it long."""
    with journal.open(encoding="utf-8") as lines:
        added = (json.loads(line)["add"] for line in lines if line.startswith('{"add"') and broadcast in line)
        return [mail["to"] for mail in added]


def in_short(count: int) -> str:
    """Such as `100k`, or `50`."""
    return f"{count // 1000}k" if count >= 1000 else str(count)
