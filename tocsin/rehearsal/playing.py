"""Playing a script on the server's clock: each thing happens at its moment, through the door that it would come by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

import httpx
from temporalio.client import Client

from tocsin.cli.declaring import declaration
from tocsin.cli.incidents import Incidents
from tocsin.domain import naming
from tocsin.domain.channel import ChannelName
from tocsin.domain.events import Latecomer, VendorPost
from tocsin.domain.state import Actor
from tocsin.ingest.app import ALERTMANAGER_PATH
from tocsin.library import PlanLibrary
from tocsin.rehearsal.clock import Timekeeper
from tocsin.rehearsal.monitor import body_of
from tocsin.rehearsal.people import People
from tocsin.rehearsal.register import Register
from tocsin.rehearsal.scenario import PostStep, Step, Trouble
from tocsin.rehearsal.script import Script
from tocsin.rehearsal.voices import Voices
from tocsin.sandbox.app import Parts
from tocsin.sandbox.faults import Fault
from tocsin.sandbox.models import Kind
from tocsin.settings import Settings
from tocsin.starting import report
from workflows.incident import IncidentWorkflow

Act = Callable[[], Awaitable[None]]

_FAILING: dict[ChannelName, tuple[Kind, str]] = {
    "sms": ("sms", "landline"),
    "phone": ("call", "failed"),
    "email": ("email", "bounce"),
}
"""What a channel's messages do when they fail."""

_WENT_WRONG: dict[ChannelName, tuple[str, str]] = {
    "sms": ("twilio", "/Messages.json"),
    "phone": ("twilio", "/Calls.json"),
    "email": ("sendgrid", "/mail/send"),
}
"""The vendor and the path of each channel's requests."""

_ANSWERS = {"down": "503", "busy": "429"}


class RehearsalFailed(Exception):
    """The rehearsal could not be played to its end; the text says what went wrong."""


@dataclass
class Player:
    """Plays one script. `voices` has what people said, and what became of it."""

    script: Script
    timekeeper: Timekeeper
    people: People
    sandbox: Parts
    receiver: str
    client: Client
    incidents: Incidents
    register: Register
    library: PlanLibrary
    settings: Settings
    began: datetime | None = None
    voices: Voices = field(init=False)

    def __post_init__(self) -> None:
        """Those who speak in it do so to the incidents that it opens."""
        self.voices = Voices(
            begins=self.script.begins,
            clock=self.timekeeper.clock,
            people=self.people,
            sandbox=self.sandbox,
            incidents=self.incidents,
            register=self.register,
            settings=self.settings,
        )

    async def play(self) -> None:
        """Let everything happen at its time, until the end of the script. Raises `RehearsalFailed`."""
        for moment, act in self._acts():
            await self.timekeeper.sleep_until(moment)
            await act()
        await self.timekeeper.sleep_until(self.script.ends)

    def _acts(self) -> list[tuple[datetime, Act]]:
        """All that happens, in order: vendors are in trouble before anything is sent in the same moment."""
        begins, scenario = self.script.begins, self.script.scenario
        acts: list[tuple[datetime, Act]] = []
        for channel, trouble in scenario.vendors.items():
            acts.append((begins + trouble.from_, self._trouble(channel, trouble)))
            if trouble.until is not None:
                acts.append((begins + trouble.until, self._recovery(channel)))
        acts.append((begins, self._begin))
        acts += [(begins + step.at, self._step(step)) for step in scenario.steps]
        return sorted(acts, key=lambda act: act[0])

    # How it begins

    async def _begin(self) -> None:
        self.began = self.timekeeper.clock()
        if self.script.scenario.alert is not None:
            await self._post_alert()
        else:
            await self._declare()

    async def _post_alert(self, resolved: bool = False) -> None:
        """Through the receiver, as the monitor does."""
        body = body_of(self.script.scenario, self.timekeeper.clock(), resolved)
        async with httpx.AsyncClient(trust_env=False) as monitor:
            answer = await monitor.post(f"{self.receiver}{ALERTMANAGER_PATH}", json=body)
        if not answer.is_success:
            raise RehearsalFailed(f"the receiver answered the alert with {answer.status_code}: {answer.text}")

    async def _declare(self) -> None:
        scenario, now = self.script.scenario, self.timekeeper.clock()
        told = scenario.report
        assert told is not None
        declared = declaration(
            self.library,
            Actor(key=told.by),
            scenario.plan,
            told.by,
            told.channel,
            title=told.title,
            kind=told.kind,
            knew=None if told.knew is None else now - told.knew,
            occurred=None if told.occurred is None else now - told.occurred,
            severity=told.severity,
            criteria=told.criteria,
            customer=told.customer,
            facts=told.facts,
        )
        await report(self.client, self.library, self.settings, declared, clock=self.timekeeper.clock)

    # What happens then

    def _step(self, step: Step) -> Act:
        async def act() -> None:
            who, promise = step.who or "", step.about or ""
            if step.says is not None:
                await self.voices.says(who, step.says, step)
            elif step.decides is not None:
                await self.voices.decides(who, step.decides, promise, step)
            elif step.rewords is not None:
                await self.voices.rewords(who, step.rewords, promise, step)
            elif step.keeps is not None:
                await self.voices.keeps(who, step.keeps, step)
            elif step.answers is not None:
                self.people.change(who, step.answers)
            elif step.alert is not None:
                await self._post_alert(step.alert.resolved)
            elif step.vendor_post is not None:
                await self._publish(step.vendor_post)

        return act

    # Vendors

    async def _publish(self, said: PostStep) -> None:
        """To the incident, as if its watch had read it: feeds are not read here. Afterwards it concerns nobody."""
        workflow = naming.incident_workflow(self.register.logged()[-1].key)
        found = await self.incidents.look_up(workflow)
        if found is None or not found.is_running:
            return
        post = VendorPost(
            id=naming.identify(said.vendor, said.title, said.text),
            published=self.timekeeper.clock(),
            **said.model_dump(),
        )
        await self.client.get_workflow_handle(workflow).signal(
            IncidentWorkflow.latecomer, Latecomer(event=post)
        )

    def _trouble(self, channel: ChannelName, trouble: Trouble) -> Act:
        async def act() -> None:
            if trouble.is_ == "fails":
                self.sandbox.store.set_usual(*_FAILING[channel])
            else:
                vendor, path = _WENT_WRONG[channel]
                fault = Fault.model_validate({"vendor": vendor, "kind": _ANSWERS[trouble.is_], "path": path})
                self.sandbox.faults.add(fault)

        return act

    def _recovery(self, channel: ChannelName) -> Act:
        async def act() -> None:
            self.sandbox.store.set_usual(_FAILING[channel][0], "normal")
            self.sandbox.faults.lift(_WENT_WRONG[channel][1])

        return act
