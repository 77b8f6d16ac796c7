"""Where vendors and people's phones reach the receiver: its paths, and the URLs that go out with messages.

A URL names the workflow, incident and message that an answer is for, and a person by the directory's key; it holds no
personal data, and it is believed only under the vendor's signature.
"""

from __future__ import annotations

from urllib.parse import urlencode

STATUS_PATH = "/v1/twilio/status"
BROADCAST_STATUS_PATH = "/v1/twilio/broadcast"
KEY_PATH = "/v1/twilio/key"
SMS_PATH = "/v1/twilio/sms"
EVENTS_PATH = "/v1/sendgrid/events"
CODEC_PATH = "/v1/codec"
"""Where Temporal's UI has payloads decoded."""
APPROVALS_PATH = "/v1/approvals"
"""The page on which somebody decides; the token behind it says who, and about what."""

PAGES_PATH = "/v1/pages"
"""The page on which somebody answers a page; the token behind it says who, and which one."""

PLANS_PATH = "/v1/plans"
"""The page on which somebody acknowledges a version of a plan; the token behind it says who, and which one."""


def status_url(public_url: str, workflow: str, incident: str, message: str) -> str:
    """Where Twilio reports how far a text message or a call has come."""
    return _url(public_url, STATUS_PATH, workflow=workflow, incident=incident, message=message)


def broadcast_status_url(public_url: str, broadcast: str, row: int) -> str:
    """Where Twilio reports how far the text to one row of a broadcast's list has come."""
    return _url(public_url, BROADCAST_STATUS_PATH, broadcast=broadcast, row=str(row))


def key_url(
    public_url: str,
    workflow: str,
    incident: str,
    page: int | None,
    person: str,
    *,
    message: str = "",
    plan: str = "",
    language: str = "",
    asked: int = 1,
) -> str:
    """Where Twilio sends the key that `person` pressed when called about `page`, or told something, without one.

    `message` is the call's, `plan` and `language` say whose words answer the key, and `asked` counts how often a key
    was asked for in this call.
    """
    query = {
        **{"workflow": workflow, "incident": incident, "page": str(page or ""), "person": person},
        **{"message": message, "plan": plan, "language": language, "asked": str(asked)},
    }
    return _url(public_url, KEY_PATH, **{name: value for name, value in query.items() if value})


def digest_status_url(public_url: str, digest: str) -> str:
    """Where Twilio reports how far a text message or a call has come that stands for several."""
    return _url(public_url, STATUS_PATH, digest=digest)


def digest_key_url(public_url: str, digest: str, language: str, asked: int = 1) -> str:
    """Where Twilio sends the key that was pressed in a call that stands for several; `asked` counts how often a key was
    asked for in this call."""
    return _url(public_url, KEY_PATH, digest=digest, language=language, asked=str(asked))


def approval_url(public_url: str, token: str) -> str:
    """The page on which whoever got the signed `token` may decide."""
    return f"{public_url.rstrip('/')}{APPROVALS_PATH}/{token}"


def page_url(public_url: str, token: str) -> str:
    """The page on which whoever got the signed `token` may answer a page."""
    return f"{public_url.rstrip('/')}{PAGES_PATH}/{token}"


def plan_url(public_url: str, token: str) -> str:
    """The page on which whoever got the signed `token` may acknowledge a version of a plan."""
    return f"{public_url.rstrip('/')}{PLANS_PATH}/{token}"


def _url(public_url: str, path: str, **query: str) -> str:
    return f"{public_url.rstrip('/')}{path}?{urlencode(query)}"
