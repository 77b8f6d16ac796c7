"""`python -m bench.bare_worker --health-port N`: the yardsticks' worker, a process with the options of `worker.py`."""

from __future__ import annotations

import argparse
import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from bench.bare import QUEUE, SMS_QUEUE, NoVendor, OneActivity, SameSteps
from bench.bare_steps import Steps
from tocsin.settings import read_environment
from tocsin.temporal import connect, leave
from tocsin.waysout import channels_of
from tocsin.workerhealth import WorkerHealth, served
from tocsin.workers import GRACE, THREADS
from worker import stop_signal


async def run(health_port: int) -> None:
    """Serve until SIGTERM."""
    channels = channels_of(read_environment())
    steps = Steps(channels.sms)
    client = await connect()
    with ThreadPoolExecutor(2 * THREADS) as executor:
        own = _worker(
            client,
            executor,
            task_queue=QUEUE,
            workflows=[OneActivity, SameSteps, NoVendor],
            activities=[steps.note, steps.send, steps.look_at_the_clock],
        )
        sms = _worker(client, executor, task_queue=SMS_QUEUE, activities=[steps.send])
        health = WorkerHealth(client, [own, sms], channels)
        async with served(health, f"127.0.0.1:{health_port}"), own, sms:
            await stop_signal()


def _worker(client: Client, executor: ThreadPoolExecutor, **what: Any) -> Worker:
    return Worker(
        client,
        activity_executor=executor,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=GRACE,
        max_concurrent_activities=THREADS,
        **what,
    )


def main() -> int:
    """Run until told to stop; the exit status."""
    flags = argparse.ArgumentParser(prog="python -m bench.bare_worker", description=__doc__)
    flags.add_argument("--health-port", type=int, required=True)
    asyncio.run(run(flags.parse_args().health_port))
    return 0


if __name__ == "__main__":
    leave(main())
