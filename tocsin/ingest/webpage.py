"""Pages for people who follow a link: no scripts, nothing loaded from anywhere, kept by no cache."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

_FILES = Path(__file__).parent / "pages"

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address is a proof of the person: no other site may learn it
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}
"""What every page carries."""


def page(template: str, status: HTTPStatus = HTTPStatus.OK, **shown: Any) -> HTMLResponse:
    """A page out of `pages/`; everything that is shown is escaped, unless it is `markupsafe.Markup`."""
    return HTMLResponse(_environment().get_template(template).render(shown), status, HEADERS)


def say(heading: str, text: str, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    """A page that says one thing."""
    return page("said.html.j2", status, heading=heading, text=text)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FILES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
