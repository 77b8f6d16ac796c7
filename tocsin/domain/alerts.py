"""What monitors say of an open incident: repeats are counted, flapping is damped, and silence may end it.

A monitor knows what it measures, not whether the incident is over; so its word resolves nothing unless the plan says
so, and then only after every alert has stayed silent for a while.

Of very many alerts only so many are followed one by one; the others are counted together. An incident has to stay small
enough to be handed on, whatever names a monitor thinks of.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tocsin.domain import commands as said
from tocsin.domain import ending, naming, notices, outages
from tocsin.domain.case import Case, Draft
from tocsin.domain.durations import describe
from tocsin.domain.events import Alert
from tocsin.domain.state import Actor, AlertState, Target
from tocsin.domain.words import Anchor, Status

MOST_FOLLOWED = 1_000
"""How many alerts of an incident are followed one by one. Whichever has been silent the longest is forgotten first."""

OTHERS = "(others)"
"""The name under which the rest are counted. Where one of them fires, nobody can know when the last has gone silent:
from then on a monitor's silence ends nothing."""

CLOCKS_DIFFER_BY = timedelta(seconds=2)
"""How far the clocks of two machines of one installation may be apart."""


def heard(draft: Draft, event: Alert) -> None:
    """A monitor speaks: of alerts that it named before, or of new ones."""
    outages.name_by_alert(draft, event)
    if event.is_firing:
        draft.state.handling = event.handling
    for name, words in event.remarks.items():
        monitor = Actor(key=event.source, via="monitor")
        draft.record("alert", f"{event.title}: alert {name}: {words}", monitor)
    changed = [name for name, fires in event.alerts.items() if _heard_of(draft, event, name, fires)]
    _raise_severity(draft, event)
    if any(state.firing for state in draft.state.alerts.values()):
        draft.state.silent_since, draft.state.end_proposed = None, False
    elif changed:
        draft.state.silent_since = draft.now


def in_short(alert: Alert) -> Alert:
    """The same with no more names than an incident follows: those that fire first, and the others counted together."""
    firing_first = sorted(alert.alerts, key=lambda name: not alert.alerts[name])
    others = firing_first[MOST_FOLLOWED:]
    if not others:
        return alert
    names = {name: alert.alerts[name] for name in firing_first[:MOST_FOLLOWED]}
    counts = {name: count for name, count in alert.counts.items() if name in names}
    return alert.model_copy(
        update={
            "alerts": names | {OTHERS: any(alert.alerts[name] for name in others)},
            "counts": counts | {OTHERS: sum(alert.counts.get(name, 1) for name in others)},
        }
    )


def _heard_of(draft: Draft, event: Alert, name: str, fires: bool) -> bool:
    """Note what was said of one alert, by itself if there is room for it; whether that is a change."""
    if name != OTHERS and (name in draft.state.alerts or _has_room(draft)):
        return _note(draft, event, name, fires)
    return _note_among_others(draft, event, name, fires)


def _has_room(draft: Draft) -> bool:
    """Whether one more alert can be followed; whichever has been silent the longest makes room for it."""
    followed = draft.state.alerts
    if len(followed) - (OTHERS in followed) < MOST_FOLLOWED:
        return True
    silent = [(state.last, name) for name, state in followed.items() if not state.firing and name != OTHERS]
    if not silent:
        return False
    _, name = min(silent)
    _count_others(draft, followed.pop(name))
    return True


def _note_among_others(draft: Draft, event: Alert, name: str, fires: bool) -> bool:
    known = draft.state.alerts.get(OTHERS)
    if fires and not (known and known.firing):
        monitor = Actor(key=event.source, via="monitor")
        draft.record(
            "alert",
            f"{event.title}: {MOST_FOLLOWED} alerts fire; more are counted, and no longer followed one by one: their "
            "silence ends nothing by itself",
            monitor,
        )
    count = event.counts.get(name, 1)
    _count_others(draft, AlertState(firing=fires, first=event.received, last=event.received, count=count))
    return False


def _count_others(draft: Draft, one: AlertState) -> None:
    """Add one that is not followed, or not any more, to the others."""
    known = draft.state.alerts.get(OTHERS)
    draft.state.alerts[OTHERS] = AlertState(
        firing=one.firing or (known is not None and known.firing),
        first=min(one.first, known.first) if known else one.first,
        last=max(one.last, known.last) if known else one.last,
        count=one.count + (known.count if known else 0),
    )


def _note(draft: Draft, event: Alert, name: str, fires: bool) -> bool:
    """Count what was said of one alert; whether that is a change."""
    known, count = draft.state.alerts.get(name), event.counts.get(name, 1)
    if known is not None and (known.firing is fires or _is_overtaken(event, known)):
        latest = max(known.last, event.received)
        draft.state.alerts[name] = known.model_copy(update={"last": latest, "count": known.count + count})
        return False
    changes = (*_recent(draft, known), draft.now)
    flaps = len(changes) >= draft.state.handling.flapping.changes
    _record(draft, event, name, fires, flaps, known is not None and known.flaps)
    draft.state.alerts[name] = AlertState(
        firing=fires,
        first=known.first if known else event.received,
        last=event.received,
        count=(known.count if known else 0) + count,
        since=event.received,
        changes=changes,
        flaps=flaps,
    )
    return True


def _is_overtaken(event: Alert, known: AlertState) -> bool:
    """Whether it was said before what is known: another receiver may have been quicker with what came later."""
    return known.since is not None and event.received < known.since


def was_said_before_the_end(case: Case, event: Alert) -> bool:
    """Whether it is no news, and was said when the incident was still open: it opens no other.

    Receivers have clocks of their own: within `CLOCKS_DIFFER_BY` before the end it is taken for a new one.
    """
    ended = case.state.ended
    return event.repeats and ended is not None and event.received <= ended - CLOCKS_DIFFER_BY


def _recent(draft: Draft, known: AlertState | None) -> tuple[datetime, ...]:
    """When it changed of late, as many times as make it flap at most."""
    rules = draft.state.handling.flapping
    since = draft.now - draft.scaled(rules.within)
    return tuple(at for at in (known.changes if known else ()) if at > since)[-rules.changes :]


def _record(draft: Draft, event: Alert, name: str, fires: bool, flaps: bool, flapped: bool) -> None:
    monitor = Actor(key=event.source, via="monitor")
    if flaps and flapped:
        return  # it has been said once
    if flaps:
        rules = draft.state.handling.flapping
        what = f"flaps: {rules.changes} changes within {describe(rules.within)}"
    else:
        what = "fires" if fires else "is resolved, says the monitor"
    draft.record("alert", f"{event.title}: alert {name} {what}", monitor)


def _raise_severity(draft: Draft, event: Alert) -> None:
    """A repeat may say that it is worse than it was; what a person has said of the severity stands."""
    severities, classified = draft.plan.severities, draft.state.anchors.get(Anchor.CLASSIFIED)
    is_worse = severities[event.severity].rank < severities[draft.state.severity].rank
    if not (event.is_firing and is_worse) or (classified is not None and classified.by.is_person):
        return
    before, draft.state.severity = draft.state.severity, event.severity
    monitor = Actor(key=event.source, via="monitor")
    draft.record("severity", f"severity {event.severity} (was {before}), by what its alerts say", monitor)


# All is well, says the monitor


def calm_at(case: Case) -> datetime | None:
    """When the monitor's silence has lasted long enough to do what the plan says; `None` when it does nothing."""
    state = case.state
    if state.silent_since is None or state.end_proposed or state.status is not Status.OPEN:
        return None
    if state.handling.when_resolved == "record" or state.merged_into is not None:
        return None
    return state.silent_since + case.scaled(state.handling.calm)


def end_what_is_calm(draft: Draft) -> None:
    """Propose the resolution, or make it, once every alert has been silent for long enough."""
    at = calm_at(draft)
    if at is None or at > draft.now or draft.state.silent_since is None:
        return
    draft.state.end_proposed = True
    monitor = Actor(key=draft.state.source, via="monitor")
    silence = f"every alert has been silent for {describe(draft.state.handling.calm)}"
    if draft.state.handling.when_resolved == "resolve":
        since = max(draft.state.silent_since, draft.state.opened)
        id = naming.identify("calm", draft.state.id, since.isoformat())
        ending.resolve(draft, said.Resolve(id=id, actor=monitor, summary=silence, at=since))
        return
    draft.record("alert", f"{silence}; is it resolved?", monitor)
    subject = "Is it resolved? Every alert is silent"
    text = f'tocsin resolve {draft.state.reference} "…"'
    for person in _at_work(draft):
        notices.tell(
            draft, Target(person=person), ("sms", "email"), "reminder", "reminder", None, subject, text
        )


def _at_work(case: Case) -> tuple[str, ...]:
    """Whoever has acknowledged, or holds a role in this incident; each once."""
    answered = [page.acknowledged.by for page in case.state.pages.values() if page.acknowledged]
    people = [by.key for by in answered if by.is_person]
    return tuple(dict.fromkeys([*case.state.roles.values(), *people]))
