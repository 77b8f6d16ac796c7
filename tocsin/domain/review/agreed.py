"""What a plan owes its client and its policy on paper: product, agreement, strategies, approved exceptions."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.domain.plan import Path, PolicyException
from tocsin.domain.review.finding import Finding, advice, error, listed
from tocsin.domain.review.subject import Subject


def unkept_papers(subject: Subject) -> Iterator[Finding]:
    """Parts of the plan that are missing or have run out."""
    yield from _client(subject)
    yield from _strategies(subject)
    for index, exception in enumerate(subject.plan.exceptions):
        yield from _exception(subject, exception, ("exceptions", index))


def _client(subject: Subject) -> Iterator[Finding]:
    plan = subject.plan
    if plan.client is None:
        return
    if plan.product is None:
        yield error(
            ("client",),
            f"the plan is for {plan.client} and does not say what it protects; describe the `product`: name, "
            f"description, data_flows, diagrams",
        )
    if plan.agreement is None:
        yield error(
            ("client",),
            f"the plan is for {plan.client} and names no `agreement`: a missed promise must point to what it breaks; "
            f"give its title and reference",
        )
    elif plan.agreement.contact is None:
        yield advice(
            ("agreement",),
            f"nobody is named whom {plan.client} can ask about the agreement; give the role as `contact`",
        )


def _strategies(subject: Subject) -> Iterator[Finding]:
    estimate = subject.plan.estimate
    missing = [each for each in estimate.choices if each not in estimate.strategies] if estimate else []
    if missing:
        yield advice(
            ("estimate",),
            f"{listed(missing)}: no strategy for that, so how long it lasts changes nothing that is done; give each "
            f"its steps under `strategies`, or `[]` where nothing need be done",
        )


def _exception(subject: Subject, exception: PolicyException, path: Path) -> Iterator[Finding]:
    if exception.until < subject.today:
        yield error(
            (*path, "until"),
            f"this exception ran out on {exception.until}: the policy holds again; keep it, or have the exception "
            f"approved anew",
        )
    if exception.approved_on > subject.today:
        yield error(
            (*path, "approved_on"),
            f"{exception.approved_on} is yet to come: an exception is approved in advance; correct the date, or leave "
            f"the exception out until it is approved",
        )
    if exception.approved_on > exception.until:
        yield error(
            (*path, "approved_on"),
            f"it was approved on {exception.approved_on}, after it had run out on {exception.until}; correct the dates",
        )
    cited = {spec.clause for spec in subject.plan.obligations}
    if exception.clause not in cited:
        yield advice(
            (*path, "clause"),
            f'no obligation cites "{exception.clause}", so nobody who reads a broken promise will find this exception; '
            f"write the clause as it stands in `obligations`",
        )
