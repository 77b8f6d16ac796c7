"""Who must acknowledge a version of a plan, who has, and when the others are asked again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tocsin.domain import naming
from tocsin.domain.directory import Directory
from tocsin.domain.durations import describe
from tocsin.domain.plan import Plan
from tocsin.domain.proving import Matter
from tocsin.domain.publication import (
    Ending,
    PublicationState,
    PublicationView,
    Published,
    PublishPlan,
    Reader,
    Readership,
    ReaderState,
    ReaderView,
)
from tocsin.domain.state import PlanPin, Target

VERSION_LENGTH = 12
"""How many characters of a version's hash people are shown."""


def version_of(hash: str) -> str:
    """A version's name as people see it: the beginning of its hash."""
    return hash[:VERSION_LENGTH]


def acknowledgement_matter(plan: PlanPin) -> Matter:
    """What a proof for the acknowledgement of this version is bound to. Raises `ValidationError` for no hash."""
    return Matter(purpose="plan", plan=plan.name, about="acknowledgement", subject=plan.hash)


def readers_of(plan: Plan, directory: Directory) -> tuple[Reader, ...]:
    """Everybody who must acknowledge the plan, once each: its holders of roles, then the members of its audiences.

    A customer's members are named with the customer: `acme/desk`.
    """
    found: dict[str, Reader] = {}
    for reader in (*_holders(plan, directory), *_members(plan, directory)):
        found.setdefault(reader.key, reader)
    return tuple(found.values())


def _holders(plan: Plan, directory: Directory) -> Iterator[Reader]:
    for role in plan.publication.roles if plan.publication else ():
        for key in directory.holders(role):
            yield Reader(key=key, target=Target(person=key))


def _members(plan: Plan, directory: Directory) -> Iterator[Reader]:
    for audience in plan.publication.audiences if plan.publication else ():
        customers = tuple(directory.customers) if plan.audiences[audience].of == "customer" else (None,)
        for customer in customers:
            for member in directory.members(Target(audience=audience, customer=customer)):
                target = Target(audience=audience, member=member, customer=customer)
                yield Reader(key=f"{customer}/{member}" if customer else member, target=target)


def begin(start: PublishPlan, published: Published, at: datetime) -> PublicationState:
    """A publication in which nobody has been asked yet."""
    return PublicationState(
        plan=start.plan,
        title=published.title,
        published=at,
        due=published.due,
        remind_every=published.remind_every,
        superseded_by=published.overtaken_by,
    )


def read_anew(state: PublicationState, readership: Readership) -> None:
    """Follow the directory: who has joined is asked, who has left is not asked any more."""
    known, given = state.readers, {each.who: each for each in readership.acknowledged}
    state.readers = {
        reader.key: known.get(reader.key, ReaderState(target=reader.target)) for reader in readership.readers
    }
    for key, acknowledged in given.items():
        if key in state.readers:
            state.readers[key].acknowledged = acknowledged
    state.readers |= {key: each for key, each in known.items() if each.acknowledged is not None}


def to_ask(state: PublicationState) -> tuple[str, ...]:
    """Who has not acknowledged and was not written to in this round."""
    return tuple(key for key in state.lacking if state.readers[key].round < state.round)


def ending(state: PublicationState, now: datetime) -> Ending | None:
    """Why nobody is asked any more; `None` while they are."""
    if state.superseded_by is not None:
        return "a newer version was published"
    if state.readers and not state.lacking:
        return "everybody has acknowledged"
    return "the time is over" if now >= state.due else None


def next_round(state: PublicationState) -> datetime:
    """When the others are asked again, or the time is over."""
    return min(state.published + state.round * state.remind_every, state.due)


def round_at(state: PublicationState, now: datetime) -> int:
    """The round that has begun by `now`; those that passed while nothing could run are not made up for."""
    return (now - state.published) // state.remind_every + 1


def view_of(state: PublicationState, now: datetime) -> PublicationView:
    """The publication as it stands at `now`."""
    return PublicationView(
        plan=state.plan,
        title=state.title,
        published=state.published,
        due=state.due,
        ended=ending(state, now),
        readers=tuple(
            ReaderView(key=key, times_asked=each.times, failure=each.failure, acknowledged=each.acknowledged)
            for key, each in state.readers.items()
        ),
    )


# What operators see


def summary(plan: PlanPin) -> str:
    """One line that never changes."""
    return f"plan {plan.name} · version {version_of(plan.hash)} · acknowledgement"


def details(state: PublicationState, now: datetime) -> str:
    """Where the publication stands, as a page of Markdown: who has not acknowledged."""
    lacking, over = state.lacking, ending(state, now)
    has = len(state.readers) - len(lacking)
    return "\n".join(
        [
            f"## {state.title}: version `{version_of(state.plan.hash)}`",
            f"**{has} of {len(state.readers)}** have acknowledged. Published {state.published:%Y-%m-%d %H:%M} UTC, to "
            f"be acknowledged until **{state.due:%Y-%m-%d %H:%M} UTC**; reminders every "
            f"{describe(state.remind_every)}.",
            "",
            f"Over: {over}." if over else f"Round {state.round}.",
            "",
            "### Not yet",
            *([_not_yet(state, key) for key in lacking] or ["Nobody."]),
        ]
    )


def _not_yet(state: PublicationState, key: str) -> str:
    reader = state.readers[key]
    failed = f"; {reader.failure}" if reader.failure else ""
    return f"- {key} (asked {reader.times} {'time' if reader.times == 1 else 'times'}{failed})"


def workflow_of(plan: PlanPin) -> str:
    """The workflow id of a version's publication."""
    return naming.plan_workflow(plan.name, version_of(plan.hash))
