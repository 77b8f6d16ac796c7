"""Every time-out, retry and limit of the workflows, with its reason.

| what | number | why |
| --- | --- | --- |
| one attempt to send | 20 s | the channels give up on a vendor after 10 s; the rest is rendering and a busy machine |
| attempts at a page | 5 | a vendor that fails so often within seconds makes the page climb to its next rung |
| attempts at a notice | 20 | some ten minutes; after that the record says so, and it is tried afresh |
| time in the queue | no limit | nothing is given up because no worker was there, or a rate made it wait |
| first retry, growth, longest | 1 s, ×2, 30 s | a vendor's own Retry-After goes before |
| reading the record or the directory | 10 s an attempt | files on a disk or a mount; retried until they can be read |
| one attempt to archive | 15 min | evidence of any size may have to be copied to another disk |
| attempts at saving histories | 10 | what Temporal has lost does not come back; the archive must not wait for it |
| one reading of a vendor's feed | 60 s | the reader gives up after 20 s of its own; slow answers hold a thread |
| readings of a vendor's feed | no limit | as often as the plan says, until there is something new or the vendor is up |
| readers of a plan who are written to at once | 50 | a lot; between two of them the history may continue as new |
| reading a broadcast's list | 30 min an attempt | an adapter may ask a database; retried until it can be read |
| one share of a broadcast | 1 h an attempt | 10,000 emails take seconds or minutes; texts stop after 30 min |
| attempts at a share | no limit, 60 s apart at most | a vendor may be away for a day; nobody is given up for that |
| silence of an attempt | 30 s | it beats every 5 s; after that its worker is dead, and another one goes on |
| looks for a broadcast's incident | 10 | it may be moving from one workflow to another, a second or two |
| waiting for sends at the hand-over | 20 s | an alert that fires meanwhile must not wait longer for its page |
"""

from __future__ import annotations

from datetime import timedelta

from temporalio.common import Priority, RetryPolicy

SEND_ATTEMPT = timedelta(seconds=20)
PAGE_ATTEMPTS = 5
NOTICE_ATTEMPTS = 20
LOCAL_ATTEMPT = timedelta(seconds=10)
LOCAL_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10))
ARCHIVE_ATTEMPT = timedelta(minutes=15)
HISTORY_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=10)
FEED_ATTEMPT = timedelta(seconds=60)
READERS_AT_ONCE = 50
LIST_ATTEMPT = timedelta(minutes=30)
SHARE_ATTEMPT = timedelta(hours=1)
BROADCAST_HEARTBEAT = timedelta(seconds=30)
BROADCAST_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60))
HOMES_TRIED = 10
HAND_OVER_PATIENCE = timedelta(seconds=20)
SUCCESSOR_WAIT = timedelta(seconds=1)
"""Between tries to start what follows, while its predecessor under the same id is just ending."""

PRIORITY_OF = {
    "page": 1,
    "refusal": 2,
    "approval": 2,
    "trouble": 2,
    "notice": 3,
    "report": 3,
    "invitation": 4,
    "reminder": 4,
}
"""Temporal's priority keys: 1 goes first."""


FEED_PRIORITY = Priority(priority_key=4)


def feed_retry(every: timedelta) -> RetryPolicy:
    """As often as the plan says, for as long as it takes: each attempt names the time of the next one itself."""
    return RetryPolicy(initial_interval=every, backoff_coefficient=1.0, maximum_interval=every)


def priority(purpose: str, incident: str) -> Priority:
    """Pages before notices before invitations; within one priority, incidents take turns."""
    return Priority(priority_key=PRIORITY_OF[purpose], fairness_key=incident)


def send_retry(purpose: str) -> RetryPolicy:
    """How often a send is tried before the incident decides what else to do."""
    return RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(seconds=30),
        maximum_attempts=PAGE_ATTEMPTS if purpose == "page" else NOTICE_ATTEMPTS,
    )
