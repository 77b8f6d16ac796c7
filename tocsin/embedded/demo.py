"""`make demo`: one incident from the alert to the archive, as a drill under the plan `allcode`, in about two minutes.

Nothing is faked that a user would run for real: the server, the receiver, the worker and the CLI are the real ones; the
vendors are the sandbox. At the end the ledger and the messages are checked, and the exit status says whether every
promise that fell due was kept.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tocsin.embedded.checks import unkept
from tocsin.embedded.play import Play, PlayError
from tocsin.embedded.stack import ROOT, Ports, Stack
from tocsin.settings import environment

SPEED = 300
"""One hour of the policy is twelve seconds of the drill."""

PAYLOAD = ROOT / "tocsin" / "ingest" / "examples" / "alertmanager.json"

FACTS = {
    "description": "The checkout API refused all requests; an expired certificate is suspected",
    "customer_coordinator": "Robin Castillo",
    "company_impact": "No payments since the alert; the support desk is busy",
}
"""What the responders find out while it lasts."""

FINDINGS = {
    "executive_overview": "A certificate expired, checkout stopped, and a new certificate brought it back.",
    "resources_affected": "checkout-api in production",
    "third_parties": "The certificate authority",
    "customer_impact": "Shoppers could not pay while it lasted; no data were exposed",
    "containment": "Traffic was sent to the standby, which had a valid certificate",
    "root_cause": "The renewal job had been switched off during a migration",
    "corrective_action": "The certificate was renewed and loaded everywhere",
    "permanent_action": "Certificates are watched by a monitor that pages two weeks ahead",
    "conclusion": "Resolved; the review will look at how migrations switch jobs off",
}
"""What the final report wants besides."""


def demo() -> int:
    """Run the drill on free ports and a throw-away state; the exit status says whether every promise was kept."""
    with tempfile.TemporaryDirectory(prefix="tocsin-demo-") as folder:
        stack = Stack(Path(folder), environment(), Ports.free(), drill_speed=SPEED)
        print("starting Temporal, the sandbox, the receiver and a worker …", flush=True)
        stack.start()
        play = Play(stack)
        try:
            return _perform(stack, play)
        except PlayError as error:
            print(
                f"\nThe demo failed: {error}\n\nThe worker's log ends:\n{stack.processes.tail('worker')}",
                file=sys.stderr,
            )
            return 1
        finally:
            play.close()
            stack.stop()


def _perform(stack: Stack, play: Play) -> int:
    print(
        f"  Temporal UI  {stack.ui_url or '(your own server)'}\n  sandbox      {stack.sandbox_url}\n",
        flush=True,
    )
    incident = the_alert_opens_an_incident(play)
    person = the_page_escalates_until_somebody_answers(play)
    they_take_immediate_action(play, incident, person)
    they_test_and_monitor(play, incident, person)
    they_back_up_and_meet(play, incident, person)
    they_assess_while_interim_reports_go_out(play, incident, person)
    they_resolve_it(play, incident, person)
    what_is_owed_is_delivered(play, incident, person)
    return the_record_is_checked(play, incident)


def the_alert_opens_an_incident(play: Play) -> str:
    """Alertmanager speaks; the answer comes once Temporal has it."""
    play.say("Alertmanager: the checkout API is down")
    answer = play.alert(json.loads(PAYLOAD.read_text()))
    play.say(f"the receiver has it: workflow {answer['workflow']}")
    return str(answer["key"])


def the_page_escalates_until_somebody_answers(play: Play) -> str:
    """The on-call technician sleeps through the text message; the call to the incident manager is answered."""
    text = play.wait_for("the text message to the on-call technician", lambda: _first(play, "sms"))
    play.say(f"text message to {text['to']}: {text['text']}")
    play.say("… the on-call technician does not answer")
    call = play.wait_for("the call to the incident manager", lambda: _first(play, "call"))
    play.say(f"the phone of the incident manager rings: {call['to']}")
    play.press(call, "1")
    play.say("she presses 1: the page is acknowledged")
    return "kim"


def _first(play: Play, kind: str) -> dict[str, Any] | None:
    return next(iter(play.messages(kind)), None)


def they_take_immediate_action(play: Play, incident: str, person: str) -> None:
    """Phase 1: the severity is settled, the fault contained."""
    play.wait_for("the acknowledgement", lambda: _phase(play, incident) and _coordinator(play, incident))
    play.tocsin("classify", incident, "--criterion", "critical_systems", person=person)
    play.tocsin("fact", incident, "occurred", "now", person=person)
    for name, value in FACTS.items():
        play.tocsin("fact", incident, name, value, person=person)
    play.tocsin("step", incident, "take-charge", person=person)
    play.tocsin("step", incident, "contain", person=person)


def they_test_and_monitor(play: Play, incident: str, person: str) -> None:
    """Phase 2: does the containment hold?"""
    _wait_for_phase(play, incident, "testing_and_monitoring")
    play.tocsin("update", incident, "Payments run over the standby; watching error rates", person=person)
    play.tocsin("step", incident, "verify", person="dana")


def they_back_up_and_meet(play: Play, incident: str, person: str) -> None:
    """Phase 3: how long will it last?"""
    _wait_for_phase(play, incident, "backup_and_meeting")
    play.tocsin("estimate", incident, "one hour", person=person)
    play.tocsin("step", incident, "restore", person="dana")


def they_assess_while_interim_reports_go_out(play: Play, incident: str, person: str) -> None:
    """Phase 4: the customer hears every four hours, which are 48 seconds here."""
    _wait_for_phase(play, incident, "ongoing_assessment")
    letter = _task(play, incident)
    play.tocsin("task", incident, "done", str(letter), person=person)
    play.say("waiting for two interim reports …")
    for key in ("interim-report#1", "interim-report#2"):
        _wait_until_met(play, incident, key, seconds=75)
    play.tocsin("step", incident, "assess", person=person)


def they_resolve_it(play: Play, incident: str, person: str) -> None:
    """The customer is told; what is still owed moves to its own workflow."""
    play.tocsin("update", incident, "The certificate is renewed everywhere", person="dana")
    play.tocsin("resolve", incident, "A new certificate is in place; payments run", person=person)
    for name, value in FINDINGS.items():
        play.tocsin("fact", incident, name, value, person=person)


def what_is_owed_is_delivered(play: Play, incident: str, person: str) -> None:
    """The final report, the review, the cleanup; then the record closes by itself."""
    play.tocsin("report", incident, "final", "--send", person=person)
    play.tocsin("postmortem", incident, "--confirm", person=person)
    for key in ("final-report", "post-mortem"):
        _wait_until_met(play, incident, key)
    play.tocsin(
        "postmortem", incident, "--held", "Migrations will list the jobs that they switch off", person=person
    )
    for step in ("cleanup", "lessons"):
        play.tocsin("step", incident, step, person=person)
    play.tocsin("fact", incident, "assessment_request", "The customer asks for none", person=person)
    for step in ("assessment-access", "assessment-outcome"):
        play.tocsin("step", incident, step, "--skip", "--why", "None was asked for", person=person)
    play.wait_for("both workflows to complete", lambda: _is_closed(play, incident))
    play.say("both workflows are complete; the record is in the archive")


def the_record_is_checked(play: Play, incident: str) -> int:
    """Print the timeline and the ledger, and say whether every promise that fell due was kept."""
    play.print_tocsin("timeline", incident)
    play.print_tocsin("ledger", incident)
    play.print_tocsin("verify", incident)
    ledger = play.tocsin("ledger", incident, quiet=True)
    sent = play.tocsin("messages", incident, quiet=True)
    problems = unkept(ledger, sent, play.messages())
    for problem in problems:
        print(f"NOT KEPT: {problem}", file=sys.stderr)
    met = sum(row["verdict"] == "met" for row in ledger)
    print(f"\n{met} promises met, {len(ledger) - met} not applicable, {len(problems)} problems.", flush=True)
    return 1 if problems else 0


# What is asked while waiting


def _show(play: Play, incident: str) -> dict[str, Any]:
    shown: dict[str, Any] = play.tocsin("show", incident, quiet=True)
    return shown


def _phase(play: Play, incident: str) -> str:
    return str(_show(play, incident)["phase"])


def _coordinator(play: Play, incident: str) -> str | None:
    holder: str | None = _show(play, incident)["roles"].get("coordinator")
    return holder


def _wait_for_phase(play: Play, incident: str, phase: str) -> None:
    play.wait_for(f"the phase {phase}", lambda: _phase(play, incident) == phase)
    play.say(f"—— phase {phase.replace('_', ' ')}")


def _task(play: Play, incident: str) -> int:
    tasks = [task for task in _show(play, incident)["tasks"] if task["done"] is None]
    return int(tasks[0]["number"])


def _wait_until_met(play: Play, incident: str, key: str, seconds: float = 30) -> None:
    def is_met() -> bool:
        rows = play.tocsin("ledger", incident, quiet=True)
        return any(row["key"] == key and row["verdict"] == "met" for row in rows)

    play.wait_for(f"{key} to be met", is_met, seconds)
    play.say(f"{key}: delivered")


def _is_closed(play: Play, incident: str) -> bool:
    return all(not run["is_running"] for run in _runs(play, incident)) and bool(_runs(play, incident))


def _runs(play: Play, incident: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = play.tocsin("list", "--all", quiet=True)
    return [run for run in found if run["incident"] == incident]
