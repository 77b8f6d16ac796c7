"""A plan in short: every promise with its clause and its times, for people who are to read and acknowledge it."""

from __future__ import annotations

from tocsin.domain.base import Value
from tocsin.domain.durations import describe
from tocsin.domain.duties import ObligationSpec, Terms
from tocsin.domain.plan import Plan
from tocsin.domain.words import Anchor


class PromiseInShort(Value):
    """One promise: `times` has a line for all severities, or one for each."""

    title: str
    clause: str
    times: tuple[str, ...]


def promises_of(plan: Plan) -> tuple[PromiseInShort, ...]:
    """Every promise of the plan, in its order."""
    return tuple(
        PromiseInShort(title=spec.title, clause=spec.clause, times=_times(plan, spec))
        for spec in plan.obligations
    )


def _times(plan: Plan, spec: ObligationSpec) -> tuple[str, ...]:
    """Such as `within 4 hours of aware, every 4 hours until resolved`; by severity where they differ."""
    until = " or ".join(map(_spoken, spec.until or ()))
    said = {
        severity.title: _said(terms, until)
        for name, severity in plan.severities.items()
        if (terms := spec.terms_for(name)).within is not None
    }
    if len(said) == len(plan.severities) and len(set(said.values())) == 1:
        return (next(iter(said.values())),)
    return tuple(f"{title}: {times}" for title, times in said.items())


def _said(terms: Terms, until: str) -> str:
    assert terms.within is not None
    start = " or ".join(map(_spoken, terms.from_ or ()))
    again = f", every {describe(terms.every)} until {until}" if terms.every else ""
    return f"within {describe(terms.within)} of {start}{again}"


def _spoken(anchor: Anchor) -> str:
    return anchor.replace("_", " ")
