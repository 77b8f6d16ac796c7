"""The link in a page's email, once it is proven: what it says, and the words in which whoever has it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal
from zoneinfo import ZoneInfo

from starlette.responses import HTMLResponse

from tocsin.domain import naming
from tocsin.domain.proving import Claim
from tocsin.ingest.webpage import page
from tocsin.prompts import Label, Prompts

Ending = Literal[
    "accepted", "passed_on", "kept", "taken", "over", "leaver", "refused", "not_now", "not_taken"
]
"""A page that says one thing: the label of its text."""

_HEADINGS: dict[Ending, Label] = {
    "accepted": "accepted_heading",
    "passed_on": "passed_on_heading",
    "kept": "kept_heading",
    "taken": "taken_heading",
    "over": "over_heading",
    "leaver": "leaver_heading",
    "refused": "refused_heading",
    "not_now": "not_now_heading",
    "not_taken": "not_taken_heading",
}


@dataclass(frozen=True)
class Link:
    """What a link says, which is proven, and the words in which whoever has it is answered."""

    claim: Claim
    token: str
    prompts: Prompts
    language: str
    zone: ZoneInfo

    @property
    def incident(self) -> str:
        """The id of the incident."""
        return self.claim.matter.about.partition("/")[0]

    @property
    def number(self) -> int:
        """The page's."""
        return int(self.claim.matter.about.partition("/")[2])

    @property
    def code(self) -> str:
        """What is answered by other ways, such as `7F3K2-2`."""
        return naming.page_code(self.incident, self.number)

    @property
    def lang(self) -> str:
        """The language that the words are really in, for screen readers."""
        return self.prompts.show("title", self.claim.matter.plan, self.language, {"code": self.code}).language

    def say(self, label: Label, **shown: Any) -> str:
        """A label in the person's words; moments are shown by the plan's clock."""
        if "moment" in shown:
            shown["moment"] = shown["moment"].astimezone(self.zone)
        known = {"code": self.code, **shown}
        return self.prompts.show(label, self.claim.matter.plan, self.language, known).text

    def end(self, ending: Ending, status: HTTPStatus = HTTPStatus.OK, **shown: Any) -> HTMLResponse:
        """A page that says one thing."""
        heading, text = self.say(_HEADINGS[ending]), self.say(ending, **shown)
        return page("said.html.j2", status, lang=self.lang, heading=heading, text=text)
