"""What a reviewer would find in a plan that can be run: where it would not keep the policy that it states.

`tocsin.domain.references` finds what could not be run; that must be in order before a review. Findings are

    error     the plan breaks its own promise, or its policy: hours without cover, a role that nobody holds
    advice    it holds, and a reviewer would ask: an escalation that rests on one person, a fact that nobody asks for
"""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.domain.review import (
    agreed,
    contingency,
    cover,
    disturbing,
    escalations,
    facts,
    holders,
    numbers,
    promises,
    steps,
    times,
)
from tocsin.domain.review.finding import Finding
from tocsin.domain.review.subject import Subject

__all__ = ["Finding", "Subject", "review"]

_TOPICS = (
    agreed.unkept_papers,
    contingency.stranded_channels,
    cover.uncovered_hours,
    disturbing.quiet_nights,
    escalations.dead_ends,
    facts.unasked,
    holders.unheld_roles,
    numbers.shared_numbers,
    promises.doubtful,
    steps.unreachable,
    times.out_of_proportion,
)


def review(subject: Subject) -> Iterator[Finding]:
    """Everything that a reviewer would find, topic by topic. The plan's references must be in order."""
    for topic in _TOPICS:
        yield from topic(subject)
