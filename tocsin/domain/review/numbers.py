"""Numbers from which an answer could be anybody's."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.domain.review.finding import Finding, listed
from tocsin.domain.review.subject import Subject


def shared_numbers(subject: Subject) -> Iterator[Finding]:
    """Further numbers of somebody from which somebody else may answer as well.

    Two people may share a telephone on which they are reached; `also` says whose answer it is, and can't of two.
    """
    people = subject.directory.people
    for key, person in people.items():
        for index, number in enumerate(person.also):
            others = [other for other, each in people.items() if other != key and number in each.numbers]
            if others:
                yield Finding(
                    path=("people", key, "also", index),
                    text=f"this is a number of {listed(others)} as well, so an answer from it could be anybody's; "
                    "leave it with the one who answers from it",
                    severity="error",
                    file="directory",
                )
