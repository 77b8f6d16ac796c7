"""Who decides on an approval: whoever their proof shows, whatever the caller wrote."""

from __future__ import annotations

from collections.abc import Callable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.directory import DirectoryActivities
    from tocsin.domain.approvals import subject_of
    from tocsin.domain.case import Case
    from tocsin.domain.commands import Command, CommandRefused, Decide
    from tocsin.domain.messages import CheckProof
    from tocsin.domain.state import Actor, Witness
    from workflows import limits


def without_witness(command: Command) -> Command:
    """The command as its caller may say it: a witness that they wrote themselves is none."""
    return command.model_copy(update={"witness": None}) if isinstance(command, Decide) else command


def supposing_its_proof(case: Case, command: Command) -> Command:
    """The command as if its proof held, so that all the rest can be checked before the proof is."""
    if not isinstance(command, Decide) or not command.proof:
        return command
    witness = Witness(person=command.actor.key, roles=tuple(case.plan.roles), how="")
    return command.model_copy(update={"witness": witness})


async def witnessed(case: Callable[[], Case], command: Command) -> Command:
    """The command with the witness whom its proof shows, and without the proof. Raises `CommandRefused`.

    Its actor becomes the one who was proven. Without a proof there is no witness, and the decision refuses.
    """
    if not isinstance(command, Decide) or not command.proof:
        return command
    asked = _question(case(), command)
    witness = await _prove(asked)
    if _question(case(), command) != asked:
        raise CommandRefused(
            f"the words of approval {command.approval} were changed just now; look at them again"
        )
    actor = Actor(key=witness.person, via="link" if command.actor.via == "link" else "cli", proof="proven")
    return command.model_copy(update={"witness": witness, "actor": actor, "proof": ""})


def _question(case: Case, command: Decide) -> CheckProof:
    """Whom does the proof show, about the words as they are now?"""
    return CheckProof(
        plan=case.state.plan.name,
        incident=case.state.id,
        approval=command.approval,
        subject=subject_of(case.state.approvals[command.approval]),
        claimed=command.actor.key,
        proof=command.proof,
    )


async def _prove(asked: CheckProof) -> Witness:
    finding = await workflow.execute_local_activity_method(
        DirectoryActivities.prove,
        asked,
        start_to_close_timeout=limits.LOCAL_ATTEMPT,
        retry_policy=limits.LOCAL_RETRY,
        summary=f"decide: is it {asked.claimed} who decides on approval {asked.approval}?",
    )
    if finding.witness is None:
        raise CommandRefused(finding.reason)
    return finding.witness
