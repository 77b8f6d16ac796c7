"""Where vendors and people's phones reach the receiver: its paths, and the URLs that go out with messages.

A URL names the workflow, incident and message that an answer is for, and a person by the directory's key; it holds no
personal data, and it is believed only under the vendor's signature.
"""

from __future__ import annotations

from urllib.parse import urlencode

STATUS_PATH = "/v1/twilio/status"
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


def key_url(public_url: str, workflow: str, incident: str, page: int, person: str) -> str:
    """Where Twilio sends the key that `person` pressed when called about `page`."""
    return _url(public_url, KEY_PATH, workflow=workflow, incident=incident, page=str(page), person=person)


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
