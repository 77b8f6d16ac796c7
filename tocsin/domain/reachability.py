"""What a plan asks of its directory, and the directory does not have: nobody to page, no phone to ring."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.domain.channel import ChannelName
from tocsin.domain.directory import Directory
from tocsin.domain.duties import Level
from tocsin.domain.plan import Path, Plan
from tocsin.domain.rota import Rota
from tocsin.domain.state import Target


def astray(plan: Plan, directory: Directory) -> Iterator[tuple[Path, str]]:
    """Rotations and overrides of roles that the plan does not have, with their place in the directory."""
    known = ", ".join(plan.roles)
    for role in directory.rotations:
        if role not in plan.roles:
            yield ("rotations", role), f'"{role}" is not among the roles of the plan ({known})'
    for index, override in enumerate(directory.overrides):
        if override.role not in plan.roles:
            path: Path = ("overrides", index, "role")
            yield path, f'"{override.role}" is not among the roles of the plan ({known})'


def unreachable(plan: Plan, directory: Directory) -> Iterator[tuple[Path, str]]:
    """Promises that the directory cannot keep, with their place in the plan: nobody to page, no phone to ring."""
    for index, spec in enumerate(plan.obligations):
        for number, duty in enumerate(spec.do):
            path: Path = ("obligations", index, "do", number, duty.kind)
            for rung, level in enumerate(duty.page.levels if duty.page is not None else ()):
                yield from _level(directory, level, (*path, "levels", rung))
            if duty.telling is not None:
                yield from _audience(plan, directory, duty.telling.audience, duty.telling.via, path)
            if duty.meeting is not None:
                for audience in duty.meeting.audiences:
                    yield from _audience(plan, directory, audience, ("email",), path)
    if plan.paging.last_resort is not None:
        yield from _level(directory, plan.paging.last_resort, ("paging", "last_resort"))


def _level(directory: Directory, level: Level, path: Path) -> Iterator[tuple[Path, str]]:
    if level.role is not None:
        yield from _role(directory, level.role, level.via, path)
    elif level.person is not None:
        yield from _person(directory, level.person, level.via, path)


def _person(
    directory: Directory, person: str, via: tuple[ChannelName, ...], path: Path
) -> Iterator[tuple[Path, str]]:
    contact = directory.people.get(person)
    if contact is None:
        yield (*path, "person"), f'"{person}" is paged and not among the people of the directory'
        return
    for position, channel in enumerate(via):
        if contact.address(channel) is None:
            yield (
                (*path, "via", position),
                f"{person} is paged by {channel} and lacks {_address_for(channel)} in the directory",
            )


def _role(
    directory: Directory, role: str, via: tuple[ChannelName, ...], path: Path
) -> Iterator[tuple[Path, str]]:
    rota, people = directory.rota(role), directory.people
    if not people.keys() & set(rota.everybody):
        yield (*path, "role"), f'role "{role}" is paged and held by nobody in the directory'
        return
    for position, channel in enumerate(via):
        lacking = [key for key in rota.may_be_first if key in people and not people[key].address(channel)]
        if lacking:
            yield (*path, "via", position), _without_address(role, rota, lacking, channel)


def _without_address(role: str, rota: Rota, lacking: list[str], channel: ChannelName) -> str:
    """All who take turns come first at some time; without turns, the first holder is the one who counts."""
    if rota.shifts or rota.overrides:
        who = " and ".join(lacking)
        return (
            f'role "{role}" is paged by {channel}, and {who} may be on duty without {_address_for(channel)}'
        )
    return f'role "{role}" is paged by {channel} and held by nobody with {_address_for(channel)}'


def _audience(
    plan: Plan, directory: Directory, audience: str, via: tuple[ChannelName, ...], path: Path
) -> Iterator[tuple[Path, str]]:
    if audience in plan.audiences and plan.audiences[audience].list is not None:
        return  # its members are elsewhere
    for customer in _customers(plan, directory, audience):
        members = directory.members(Target(audience=audience, customer=customer))
        of = f" of customer {customer}" if customer else ""
        if not members:
            yield (*path, "audience"), f'audience "{audience}"{of} has no members in the directory'
        for key, contact in members.items():
            if all(contact.address(channel) is None for channel in via):
                wanted = " or ".join(_address_for(channel) for channel in via)
                yield (*path, "audience"), f'{key} in audience "{audience}"{of} has no {wanted}'


def _customers(plan: Plan, directory: Directory, audience: str) -> tuple[str | None, ...]:
    spec = plan.audiences.get(audience)
    return tuple(directory.customers) if spec and spec.of == "customer" else (None,)


def _address_for(channel: ChannelName) -> str:
    return {"email": "an email address", "phone": "a phone number", "sms": "a mobile number"}[channel]
