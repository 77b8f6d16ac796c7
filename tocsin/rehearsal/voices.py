"""What people do in a rehearsal besides picking up: they say things, decide, find other words, and keep files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from shlex import quote
from uuid import uuid4

import click

from tocsin.cli.errors import CliError
from tocsin.cli.incidents import Incidents
from tocsin.cli.session import Sent, send
from tocsin.cli.speaking import command_of, mistake_in
from tocsin.domain.commands import AddEvidence, Command, Reword
from tocsin.domain.state import Actor
from tocsin.evidence import EvidenceStore
from tocsin.rehearsal.clock import Clock
from tocsin.rehearsal.deciding import Decided, approval_about, code_in, mail_about, press
from tocsin.rehearsal.people import People
from tocsin.rehearsal.register import Register
from tocsin.rehearsal.result import Said, offset
from tocsin.rehearsal.scenario import KeptFile, Step
from tocsin.sandbox.app import Parts
from tocsin.settings import Settings


@dataclass
class Voices:
    """Carries what people do to the newest incident; what became of it is in `said`."""

    begins: datetime
    clock: Clock
    people: People
    sandbox: Parts
    incidents: Incidents
    register: Register
    settings: Settings
    said: list[Said] = field(default_factory=list)

    async def says(self, who: str, line: str, step: Step) -> None:
        """Through the same code as the command line."""
        at = self.clock()
        await self._tell(who, line, step, lambda: command_of(line, who, at))

    async def decides(self, who: str, decision: str, promise: str, step: Step) -> None:
        """By the link in their own mail; with somebody else's code, as whoever types it."""
        at, asked = self.clock(), step.with_code_of or who
        mail = mail_about(promise, asked, self.people.letters, self.sandbox.store)
        if mail is None:
            nobody = Decided("refused", f"nobody asked {asked} about {promise}")
            self._note(at, who, f"{decision} {promise}", step, nobody)
        elif step.with_code_of is not None:
            number, code = code_in(mail)
            because = f" --reason {quote(step.reason)}" if decision == "decline" else ""
            await self.says(who, f"{decision} {number} --code {code}{because}", step)
        else:
            decided = await press(mail, decision, step.reason)
            self._note(at, who, f"{decision} {promise} (by the link in the mail)", step, decided)

    async def rewords(self, who: str, text: str, promise: str, step: Step) -> None:
        """In the place of the words about a promise that were put down."""
        number = approval_about(promise, self.people.letters)
        await self._tell(
            who,
            f"reword {number} ({promise})",
            step,
            lambda: Reword(id=uuid4().hex, actor=Actor(key=who), approval=number, text=text),
        )

    async def keeps(self, who: str, file: KeptFile, step: Step) -> None:
        """Into the store that the house has, and on the record."""
        content = EvidenceStore(self.settings.state).keep(BytesIO(file.text.encode()))
        await self._tell(
            who,
            f"evidence add {file.name}",
            step,
            lambda: AddEvidence(
                id=uuid4().hex,
                actor=Actor(key=who),
                sha256=content.sha256,
                size=content.size,
                name=file.name,
                origin=file.from_,
            ),
        )

    async def _tell(self, who: str, line: str, step: Step, command: Callable[[], Command]) -> None:
        at = self.clock()
        try:
            decided = Decided((await self._send(command())).outcome)
        except (CliError, click.ClickException) as error:
            decided = Decided("refused", mistake_in(error))
        self._note(at, who, line, step, decided)

    async def _send(self, command: Command) -> Sent:
        return await send(self.incidents, self.register.logged()[-1].incident, command)

    def _note(self, at: datetime, who: str, line: str, step: Step, decided: Decided) -> None:
        self.said.append(
            Said(
                at=at,
                offset=offset(at, self.begins),
                who=who,
                line=line,
                outcome=decided.outcome,
                reason=decided.reason,
                expected=step.expect,
            )
        )
