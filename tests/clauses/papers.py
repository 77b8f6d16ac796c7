"""What is in the messages of a rehearsal: headings of reports, pages of papers, entries of calendars."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pypdfium2

from tocsin.rehearsal.result import Received


def of(messages: Iterable[Received], purpose: str) -> list[Received]:
    """The messages with a purpose, such as `page` or `notice`."""
    return [message for message in messages if message.purpose == purpose]


def lines(message: Received) -> dict[str, str]:
    """The headings of a report or notice with what stands below each, as its email has them."""
    body = message.text.partition("\n-- \n")[0]
    parts = re.split(r"^(.+)\n-+$", body, flags=re.MULTILINE)[1:]
    return {heading: text.strip() for heading, text in zip(parts[::2], parts[1::2], strict=True)}


def printed(message: Received) -> str:
    """What is on the paper that came with an email, on one line."""
    [file] = message.attachments
    assert file.media_type == "application/pdf"
    with pypdfium2.PdfDocument(file.content) as document:
        return " ".join(" ".join(page.get_textpage().get_text_bounded() for page in document).split())


def calendar_entry(message: Received) -> dict[str, str]:
    """What a calendar reads in an invitation."""
    [file] = message.attachments
    assert (file.name, file.media_type) == ("invite.ics", "text/calendar")
    unfolded = file.content.decode().replace("\r\n ", "").splitlines()
    return dict(line.split(":", 1) for line in unfolded if not line.startswith(("BEGIN", "END")))
