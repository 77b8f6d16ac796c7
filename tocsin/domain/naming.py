"""Workflow ids, task queues, search attributes and message types: built here and nowhere else.

None of them holds personal data. Incident ids are ten characters of Crockford's base32 (no I, L, O, U, so that they
survive a telephone); people say the first five.
"""

from __future__ import annotations

import hashlib

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ID_LENGTH = 10
SPOKEN_LENGTH = 5

INCIDENT_QUEUE = "incidents"
"""Workflows, and the activities that keep the record."""
EMAIL_QUEUE = "email"
SMS_QUEUE = "sms"
PHONE_QUEUE = "phone"
BROADCAST_QUEUE = "broadcasts"
"""Messages to large audiences: minutes of work at a time, which must not stand in the way of a page."""
QUEUES = (INCIDENT_QUEUE, EMAIL_QUEUE, SMS_QUEUE, PHONE_QUEUE, BROADCAST_QUEUE)

SEARCH_ATTRIBUTES = {
    "TocsinIncident": "Keyword",
    "TocsinPlan": "Keyword",
    "TocsinSeverity": "Keyword",
    "TocsinPhase": "Keyword",
    "TocsinStatus": "Keyword",
    "TocsinNextDeadline": "Datetime",
    "TocsinOverdue": "Bool",
}
"""Name and type of every search attribute, as the server registers them."""


def identify(*parts: str) -> str:
    """Ten characters that stand for `parts`: the same parts give the same id, on every machine."""
    digest = hashlib.sha256("\x00".join(parts).encode()).digest()
    number = int.from_bytes(digest[:8], "big")
    return "".join(_CROCKFORD[(number >> (5 * place)) & 31] for place in reversed(range(ID_LENGTH)))


def spoken(incident_id: str) -> str:
    """The reference that people say: the first five characters."""
    return incident_id[:SPOKEN_LENGTH]


def as_typed(reference: str) -> str:
    """What somebody typed or read out, in the alphabet of the ids: upper case, with O, I and L put right."""
    return reference.strip().upper().translate(str.maketrans("OIL", "011"))


def incident_workflow(key: str) -> str:
    """The workflow id of the open incident under this key; free again once it is handed over."""
    return f"incident-{key}"


def post_incident_workflow(incident_id: str) -> str:
    """The workflow id of what an incident still owes after its resolution."""
    return f"post-incident-{incident_id}"


def plan_workflow(plan: str, version: str) -> str:
    """The workflow id of the publication of a plan's version, which is the beginning of its hash."""
    return f"plan-{plan}-{version}"


def broadcast_workflow(broadcast: str) -> str:
    """The workflow id of a message to a large audience."""
    return f"broadcast-{broadcast}"


def broadcast_id(incident_id: str, number: int) -> str:
    """The name of an incident's message to a large audience, unique and stable over retries."""
    return f"{incident_id}-b{number}"


def incident_of(name: str) -> str:
    """The incident whose message or broadcast has this name."""
    return name.partition("-")[0]


def queue_of(channel: str) -> str:
    """The task queue of the activities that send over `channel`."""
    return {"email": EMAIL_QUEUE, "sms": SMS_QUEUE, "phone": PHONE_QUEUE}[channel]


def message_id(incident_id: str, number: int) -> str:
    """The name of an incident's message, unique and stable over retries."""
    return f"{incident_id}-m{number}"


def is_message(name: str) -> bool:
    """Whether this is the name of a message: activities that send one are called as it is."""
    incident, dash, number = name.rpartition("-m")
    return bool(incident and dash) and number.isdecimal()


def page_code(incident_id: str, page: int) -> str:
    """What a person answers to a page, such as `7F3K2-2`."""
    return f"{spoken(incident_id)}-{page}"
