"""Approvals: words that wait for the role that alone may let them go, and waivers, which the plan's role must grant.

The words are put down before anybody is asked, and what is approved is their hash: nothing else leaves. A decision
counts only from a holder of the role as the directory has it, with the proof that the workflow had checked, and before
the promise is due.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime

from tocsin.domain import commands as said
from tocsin.domain import multitudes, notices
from tocsin.domain.case import Case, Draft
from tocsin.domain.commands import CommandRefused
from tocsin.domain.duties import ApprovalSpec
from tocsin.domain.escalation import call, end_page
from tocsin.domain.events import Drafted
from tocsin.domain.messages import Asked
from tocsin.domain.state import Actor, Approval, Errand, Message, Obligation, Target, Witness
from tocsin.domain.verdicts import settle_as
from tocsin.domain.words import Verdict

# Putting the words down


def put_down(draft: Draft, obligation: Obligation, duty: int, text: str = "") -> None:
    """Have the words of a duty drafted, or somebody's own `text` in their place; whoever approves is asked then."""
    again = len(draft.state.approvals)
    id = f"draft-{obligation.key}-{duty}-{again}-{draft.state.entries}"
    draft.ask(Errand(id=id, kind="draft", obligation=obligation.key, duty=duty, text=text))


def to_be_drafted(case: Case, errand: Errand, now: datetime) -> Message:
    """The message that an errand wants drafted, as it would go to its audience; it is not on the record."""
    obligation = case.state.obligations[errand.obligation or ""]
    duty = case.plan.obligation(obligation.spec).do[errand.duty or 0]
    telling = duty.telling
    assert telling is not None
    return Message(
        id=errand.id,
        purpose=telling.purpose,
        template=telling.template,
        target=notices.audience_of(case, telling.audience),
        channel="email",
        obligation=obligation.key,
        subject=notices.subject_of(case, obligation, duty),
        created=now,
    )


def drafted(draft: Draft, event: Drafted) -> None:
    """The words are down: their approval is asked for; of words that were changed, anew."""
    errand = draft.state.errands.pop(event.errand, None)
    obligation = draft.state.obligations.get(errand.obligation or "") if errand else None
    if errand is None or errand.duty is None or obligation is None or not obligation.is_open:
        return
    spec = draft.plan.obligation(obligation.spec)
    assert spec.approval is not None
    duty = obligation.duties[errand.duty]
    approval = draft.state.approvals.get(duty.approval or 0) or _open(draft, obligation, spec.approval.role)
    if not approval.is_open:
        return  # what was decided on were other words
    approval.duty, approval.wording = errand.duty, event.sha256
    approval.drafted = None if errand.text else draft.now
    duty.approval = approval.number
    draft.record("approval", f"approval {approval.number}: words {event.sha256} for {spec.title} are drafted")
    _ask(draft, approval, spec.approval)


def _open(
    draft: Draft, obligation: Obligation, role: str, text: str = "", by: Actor | None = None
) -> Approval:
    number = len(draft.state.approvals) + 1
    approval = Approval(
        number=number,
        what="waiver" if text else "wording",
        obligation=obligation.key,
        role=role,
        text=text,
        asked=draft.now,
        by=by or Actor(key="tocsin", via="tocsin", proof="proven"),
        due=obligation.due,
    )
    draft.state.approvals[number] = approval
    return approval


# Asking


def _ask(draft: Draft, approval: Approval, spec: ApprovalSpec, again: bool = False) -> None:
    """Ask whoever may decide; the message brings them the words, and a proof that is theirs alone."""
    title = _title(draft, approval)
    verb = "Waive" if approval.what == "waiver" else "Approve"
    reminder = "Reminder: " if again else ""
    subject = f"{reminder}{verb} by {approval.due:%Y-%m-%d %H:%M} UTC: {title}"
    draft.record(
        "approval",
        f"approval {approval.number}: {draft.plan.roles[approval.role].title} is "
        f"{'reminded' if again else 'asked'} about {title}",
    )
    for channel in spec.via:
        notices.tell(
            draft,
            Target(role=approval.role),
            (channel,),
            "approval",
            "approval",
            approval.obligation,
            subject,
            approval.text,
            approval=approval.number,
        )


def follow(draft: Draft) -> None:
    """Remind of what still waits, and page when the plan says so."""
    for approval in draft.state.approvals.values():
        if approval.is_open:
            _follow(draft, approval)


def _follow(draft: Draft, approval: Approval) -> None:
    spec = spec_of(draft, approval)
    reached = [moment for moment in _reminders(draft, approval, spec) if moment <= draft.now]
    if len(reached) > approval.reminded:
        approval.reminded = len(reached)
        if _is_out_of_date(draft, approval):
            _draft_anew(draft, approval)
        else:
            _ask(draft, approval, spec, again=True)
    pages_at = _pages_at(draft, approval, spec)
    if approval.page is None and pages_at is not None and pages_at <= draft.now < approval.due:
        reason = f"Your decision is waited for: {_title(draft, approval)}"
        page = call(draft, Target(role=approval.role), reason, approval.obligation, via=("phone", "sms"))
        approval.page = page.number


def _is_out_of_date(draft: Draft, approval: Approval) -> bool:
    """Whether something has become known since the words were taken from the record."""
    since = approval.drafted
    return since is not None and any(fact.at > since for fact in draft.state.facts.values())


def _draft_anew(draft: Draft, approval: Approval) -> None:
    """The words are taken from the record as it stands now, and asked about instead of those before."""
    assert approval.duty is not None
    approval.wording = None
    draft.record("approval", f"approval {approval.number}: more is known, and the words are drafted anew")
    put_down(draft, draft.state.obligations[approval.obligation], approval.duty)


def _reminders(case: Case, approval: Approval, spec: ApprovalSpec) -> list[datetime]:
    """Those that lie after the question: who is asked late is not reminded at once."""
    moments = sorted(approval.due - case.scaled(before) for before in spec.remind)
    return [moment for moment in moments if moment > approval.asked]


def _pages_at(case: Case, approval: Approval, spec: ApprovalSpec) -> datetime | None:
    return approval.due - case.scaled(spec.page_before) if spec.page_before is not None else None


def moments(case: Case, obligation: Obligation) -> Iterator[datetime]:
    """When approvals of a promise want attention."""
    for approval in case.state.approvals.values():
        if approval.is_open and approval.obligation == obligation.key:
            spec = spec_of(case, approval)
            yield from _reminders(case, approval, spec)
            if (pages_at := _pages_at(case, approval, spec)) is not None:
                yield pages_at


def spec_of(case: Case, approval: Approval) -> ApprovalSpec:
    """How an approval is asked for: as the plan says for the promise's words, for a waiver in the same way."""
    obligation = case.state.obligations[approval.obligation]
    said_so = case.plan.obligation(obligation.spec).approval
    if said_so is not None and said_so.role == approval.role:
        return said_so
    return ApprovalSpec(role=approval.role)


def asked(case: Case, approval: Approval) -> Asked:
    """What the message to whoever decides has to say."""
    return Asked(
        number=approval.number,
        what=approval.what,
        promise=_title(case, approval),
        obligation=approval.obligation,
        subject=subject_of(approval),
        due=approval.due,
        wording=approval.wording,
    )


def subject_of(approval: Approval) -> str:
    """The SHA-256 of what is decided on, to which a proof is bound: the words, or the reason for a waiver."""
    return approval.wording or hashlib.sha256(approval.text.encode()).hexdigest()


def _title(case: Case, approval: Approval) -> str:
    obligation = case.state.obligations[approval.obligation]
    return f"{case.plan.obligation(obligation.spec).title} ({obligation.key})"


# Deciding


def decide(draft: Draft, command: said.Decide) -> None:
    """Take the word of whoever may give it. Raises `CommandRefused`."""
    approval = waiting(draft, command.approval)
    witness = _competent(draft, approval, command.witness)
    if approval.due <= draft.now:
        raise CommandRefused(f"{_title(draft, approval)} was due {approval.due:%Y-%m-%d %H:%M} UTC: too late")
    if approval.what == "wording" and approval.wording is None:
        raise CommandRefused(
            f"the words of approval {approval.number} are just being changed; look at them again"
        )
    if not command.approve and not command.reason:
        raise CommandRefused("say why it is declined")
    approval.decision = "approved" if command.approve else "declined"
    approval.decided, approval.witness, approval.reason = draft.now, witness, command.reason
    because = f": {command.reason}" if command.reason else ""
    draft.record(
        "approval",
        f"approval {approval.number} {approval.decision} by @{witness.person} {witness.how} — "
        f"{_title(draft, approval)}, {_matter(approval)}{because}",
        command.actor,
    )
    if approval.page is not None:
        end_page(draft, draft.state.pages[approval.page], f"approval {approval.number} {approval.decision}")
    _carry_out(draft, approval)


def waiting(draft: Draft, number: int) -> Approval:
    """An approval that is still waited for. Raises `CommandRefused`."""
    approval = draft.state.approvals.get(number)
    if approval is None:
        known = ", ".join(str(key) for key, item in draft.state.approvals.items() if item.is_open) or "none"
        raise CommandRefused(f"there is no approval {number}; those that wait are: {known}")
    if not approval.is_open:
        raise CommandRefused(f"approval {number} was already {approval.decision}")
    return approval


def _competent(draft: Draft, approval: Approval, witness: Witness | None) -> Witness:
    title = draft.plan.roles[approval.role].title
    if witness is None:
        raise CommandRefused(
            f"only {title} may decide this, and has to prove it: by the link or the code that was sent to their own "
            "address, or by their own token"
        )
    if approval.role not in witness.roles:
        raise CommandRefused(f"only {title} may decide this, and {witness.person} is not, says the directory")
    return witness


def _matter(approval: Approval) -> str:
    return f"words {approval.wording}" if approval.wording else f"waiver: {approval.text}"


def _carry_out(draft: Draft, approval: Approval) -> None:
    obligation = draft.state.obligations[approval.obligation]
    is_approved, witness = approval.decision == "approved", approval.witness
    assert witness is not None
    if approval.what == "waiver":
        if is_approved:
            settle_as(
                draft, obligation, Verdict.WAIVED, f"by @{witness.person} {witness.how}: {approval.text}"
            )
        return
    if not is_approved:
        why = f"@{witness.person} {witness.how} declined it: {approval.reason}"
        settle_as(draft, obligation, Verdict.NOT_APPLICABLE, why)
        return
    assert approval.duty is not None
    multitudes.reach(draft, obligation, approval.duty, approval.wording)


def wording_of(draft: Draft, obligation: Obligation, duty: int) -> str | None:
    """The hash of the words that were approved for a duty; `None` where nobody had to approve."""
    approval = draft.state.approvals.get(obligation.duties[duty].approval or 0)
    return approval.wording if approval and approval.decision == "approved" else None


def note_of(draft: Draft, number: int | None) -> str:
    """Who approved what, for the ledger."""
    approval = draft.state.approvals.get(number or 0)
    if approval is None or approval.witness is None:
        return ""
    return f"words {approval.wording} approved by @{approval.witness.person} {approval.witness.how}; "


def lack(draft: Draft, obligation: Obligation) -> str | None:
    """Why a promise that needed an approval cannot be kept once it is due; `None` where nothing was waited for."""
    spec = draft.plan.obligation(obligation.spec)
    if spec.approval is None or obligation.due > draft.now:
        return None
    for index, duty in enumerate(spec.do):
        if duty.telling is not None and wording_of(draft, obligation, index) is None:
            title = draft.plan.roles[spec.approval.role].title
            return f"not approved by {title} before it was due; nothing was sent"
    return None


# Asking for a waiver, and for other words


def ask_for_waiver(draft: Draft, command: said.AskForWaiver) -> None:
    """Ask the role that may waive a promise. Raises `CommandRefused`."""
    obligation = draft.state.obligations.get(command.obligation)
    if obligation is None or not obligation.is_open:
        owed = ", ".join(key for key, item in draft.state.obligations.items() if item.is_open) or "nothing"
        raise CommandRefused(f'"{command.obligation}" is not owed; owed are: {owed}')
    spec = draft.plan.obligation(obligation.spec)
    if spec.waivable_by is None:
        raise CommandRefused(f"the plan names nobody who may waive {spec.title}")
    if obligation.due <= draft.now:
        raise CommandRefused(
            f"{spec.title} was due {obligation.due:%Y-%m-%d %H:%M} UTC: a waiver has to be approved before"
        )
    if any(item.is_open and item.text == command.reason for item in _of(draft, obligation)):
        raise CommandRefused("the same waiver is already waited for")
    approval = _open(draft, obligation, spec.waivable_by, command.reason, command.actor)
    draft.record(
        "approval", f"waiver of {_title(draft, approval)} asked for: {command.reason}", command.actor
    )
    _ask(draft, approval, spec_of(draft, approval))


def _of(draft: Draft, obligation: Obligation) -> list[Approval]:
    return [item for item in draft.state.approvals.values() if item.obligation == obligation.key]


def reword(draft: Draft, command: said.Reword) -> None:
    """Put other words down; what was approved or asked about the old ones no longer counts. Raises `CommandRefused`."""
    approval = waiting(draft, command.approval)
    if approval.what == "waiver" or approval.duty is None:
        raise CommandRefused(f"approval {approval.number} is about a waiver, which has no words to change")
    obligation = draft.state.obligations[approval.obligation]
    approval.wording = None
    draft.record("approval", f"approval {approval.number}: the words are changed", command.actor)
    put_down(draft, obligation, approval.duty, command.text)
