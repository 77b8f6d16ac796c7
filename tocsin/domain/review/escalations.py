"""Escalations that end in nobody."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.domain.channel import ChannelName
from tocsin.domain.directory import Contact
from tocsin.domain.duties import Level, PageDuty
from tocsin.domain.plan import Path
from tocsin.domain.review.finding import Finding, advice, error, listed
from tocsin.domain.review.subject import Promise, Subject, reached_by

_RINGING: tuple[ChannelName, ...] = ("sms", "phone")
"""The channels that wake somebody; pages about what is late, or about to be, go over these."""


def dead_ends(subject: Subject) -> Iterator[Finding]:
    """Pages behind which nobody stands, and roles that are paged and have no telephone."""
    for promise in subject.promises:
        for duty, path in promise.duties:
            if duty.page is not None:
                yield from _page(subject, promise, duty.page, path)
        yield from _late_or_about_to_be(subject, promise)
    yield from _without_a_telephone(subject, subject.plan.tasks.when_late, ("tasks", "when_late"))


def _page(subject: Subject, promise: Promise, page: PageDuty, path: Path) -> Iterator[Finding]:
    if promise.spec.when_late is None:
        yield advice(
            promise.path,
            f'"{promise.spec.id}" pages and has no `when_late`: when nobody answers in time, nobody else hears of it; '
            f"name the role that is paged then",
        )
    for rung, level in enumerate(page.levels):
        if level.supervisor_of is not None:
            yield from _supervisors(subject, level, (*path, "levels", rung), is_only=len(page.levels) == 1)
    last, place = page.levels[-1], (*path, "levels", len(page.levels) - 1)
    if last.role is not None and (holders := subject.holders(last.role)):
        yield from _last_level(subject, promise, last, holders, place)


def _last_level(
    subject: Subject, promise: Promise, level: Level, holders: dict[str, Contact], place: Path
) -> Iterator[Finding]:
    who = listed(list(holders))
    if not any(set(reached_by(holder, level.via)) & {*_RINGING} for holder in holders.values()):
        yield error(
            (*place, "via"),
            f'the last level of "{promise.spec.id}" only writes to {who}: an email wakes nobody; let it call or text',
        )
    elif len(holders) == 1 and place[-1] == 0:
        yield _rests_on_one(subject, promise, who, place)
    elif len(holders) == 1 and len(reached_by(holders[who], level.via)) == 1:
        yield advice(
            (*place, "via"),
            f'the escalation of "{promise.spec.id}" ends in one telephone: the last level is {who} by '
            f"{reached_by(holders[who], level.via)[0]}; add a channel, or another holder of the role",
        )


def _rests_on_one(subject: Subject, promise: Promise, who: str, place: Path) -> Finding:
    """Of a single level with a single holder: whoever is paged when it is late may be somebody else."""
    late = promise.spec.when_late
    if late is not None and subject.holders(late).keys() - {who}:
        return advice(
            place,
            f'"{promise.spec.id}" pages nobody but {who} until it is late; add a level, or another holder of the role',
        )
    return error(
        place,
        f'"{promise.spec.id}" pages nobody but {who}, also when it is late: if they are away, nobody comes; '
        f"add a level, or another holder of the role",
    )


def _supervisors(subject: Subject, level: Level, path: Path, *, is_only: bool) -> Iterator[Finding]:
    """People in the role who report to nobody. A page passes them by; where it has no other level, it finds nobody."""
    assert level.supervisor_of is not None
    people = subject.directory.people
    for key, person in _who_may_hold(subject, level.supervisor_of).items():
        supervisor = people.get(person.supervisor or "")
        if supervisor is None:
            yield _without_supervisor(key, level.supervisor_of, is_only=is_only)
        elif not reached_by(supervisor, level.via):
            yield error(
                (*path, "via"),
                f"{person.supervisor}, the supervisor of {key}, has no address for {listed(list(level.via))}: the page "
                f"can't reach them; give them one in the directory, or page over another channel",
            )


def _who_may_hold(subject: Subject, role: str) -> dict[str, Contact]:
    """The holders of a role; of one that an incident gives to anybody, all but those who themselves are supervisors."""
    if role not in subject.given_in_incidents or subject.holders(role):
        return subject.holders(role)
    people = subject.directory.people
    supervisors = {person.supervisor for person in people.values()}
    return {key: person for key, person in people.items() if person.supervisor or key not in supervisors}


def _without_supervisor(key: str, role: str, *, is_only: bool) -> Finding:
    path: Path = ("people", key)
    text = f'{key} may hold role "{role}", whose supervisor is paged, and has no `supervisor`'
    if is_only:
        why = "the page then reaches nobody; name one, or give the page a further level"
        return Finding(path=path, text=f"{text}: {why}", severity="error", file="directory")
    why = "the page then goes straight to its next level; name one"
    return Finding(path=path, text=f"{text}: {why}", severity="advice", file="directory")


def _late_or_about_to_be(subject: Subject, promise: Promise) -> Iterator[Finding]:
    spec = promise.spec
    yield from _without_a_telephone(subject, spec.when_late, (*promise.path, "when_late"))
    if spec.escalate is not None:
        yield from _without_a_telephone(subject, spec.escalate.to, (*promise.path, "escalate", "to"))


def _without_a_telephone(subject: Subject, role: str | None, path: Path) -> Iterator[Finding]:
    """What is late, or about to be, pages whoever comes first in a role by text message and telephone."""
    for key, person in subject.tried_first(role or "").items():
        if not reached_by(person, _RINGING):
            yield error(
                path,
                f'role "{role}" is paged here, and {key}, who is tried first, has no telephone number; give them one '
                f"in the directory",
            )
