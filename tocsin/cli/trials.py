"""What the receiver would make of a payload, as a screen and as plain data."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import click

from tocsin.celvalues import NotText, text_of
from tocsin.celvalues import described as in_words
from tocsin.cli.tables import width
from tocsin.cli.times import absolute
from tocsin.domain import naming
from tocsin.domain.events import Alert
from tocsin.domain.readings import Reading, Sighting
from tocsin.ingest.trial import Meaning, Trial
from tocsin.mappings import Found, Trace

SHOWN_ALERTS = 20
LONGEST_NAME = 28
INDENT = 15


def told(trial: Trial) -> str:
    """The source, the rule and its values where there is a mapping, and each incident that is meant."""
    blocks = [
        list(_source(trial)),
        *([list(_values(trial.trace))] if trial.trace and trial.trace.found else []),
    ]
    blocks += [list(_incident(each)) for each in trial.meanings]
    if not trial.meanings and trial.refusal is None:
        blocks.append(["nothing: it is answered as received, and opens no incident"])
    return "\n\n".join("\n".join(block) for block in blocks)


def _source(trial: Trial) -> Iterator[str]:
    source = trial.source
    yield f"{click.style(source.source, bold=True)}  {source.format}{f', {source.mapping}' if source.mapping else ''}"
    if trial.trace is None:
        return
    for rule in trial.trace.passed:
        yield f'not for rule "{rule.name}"  {rule.place}'
    if (chosen := trial.trace.rule) is not None:
        yield f'{click.style("read by rule", fg="green")} "{chosen.name}"  {chosen.place}'


def _values(trace: Trace) -> Iterator[str]:
    """Each value with its name, and below it the expression that it comes from."""
    names = [_name(found) for found in trace.found]
    indent = min(max(map(len, names)), LONGEST_NAME) + 2
    for name, found in zip(names, trace.found, strict=True):
        yield from _wrapped(f"{name:<{indent}}", _value(found), indent)
        yield from (_dim(line) for line in _wrapped(" " * indent, found.part.expression.text, indent))


def _name(found: Found) -> str:
    return found.part.name if found.item is None else f"{found.item + 1} {found.part.name}"


def _value(found: Found) -> str:
    return f"– {found.why}" if found.why else _short(_written(found.value), 200)


def _wrapped(start: str, text: str, indent: int) -> list[str]:
    one_line = " ".join(text.split())
    return textwrap.wrap(
        one_line, max(width(), indent + 30), initial_indent=start, subsequent_indent=" " * indent
    ) or [start.rstrip()]


def _dim(line: str) -> str:
    return click.style(line, dim=True)


def _written(value: Any) -> str:
    if value is None:
        return "null"
    try:
        return text_of(value)
    except NotText:
        return in_words(value)


def _short(text: str, most: int = 48) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= most else f"{one_line[: most - 1]}…"


def _incident(meaning: Meaning) -> Iterator[str]:
    reading, alert = meaning.reading, meaning.alert
    state = "fires" if reading.is_firing else "is over"
    yield click.style(alert.title if alert else reading.title or reading.group, bold=True)
    yield from _line("group", f"{reading.group} ({state})")
    if alert is not None:
        yield from _alert(alert)
        yield from _line("note", meaning.note)
    elif meaning.unwanted:
        yield from _line("plan", click.style("none", fg="red", bold=True))
    yield from _line("labels", _pairs(reading.all_labels))
    yield from _line("annotations", _pairs(reading.all_annotations))
    for sighting in reading.sightings[:SHOWN_ALERTS]:
        yield from _line("alert", _sighting(sighting))
    if len(reading.sightings) > SHOWN_ALERTS:
        yield from _line("", f"and {len(reading.sightings) - SHOWN_ALERTS} more")


def _alert(alert: Alert) -> Iterator[str]:
    incident = naming.incident_workflow(alert.key)
    what = "is opened or joined" if alert.is_firing else "is told, if it is open"
    yield from _line("incident", f"{incident} {what}")
    yield from _line("plan", alert.plan.name)
    yield from _line("severity", alert.severity)
    yield from _line("began", absolute(alert.began))
    yield from _line("customer", alert.customer or "")
    yield from _line("facts", _pairs(alert.facts))
    yield from _line("criteria", ", ".join(alert.criteria))
    yield from _line("vendors", ", ".join(alert.vendors))


def _sighting(sighting: Sighting) -> str:
    if sighting.remark:
        return f"{sighting.key}: {sighting.remark}"
    since = f" since {absolute(sighting.began)}" if sighting.began else ""
    return f"{sighting.key} {'fires' if sighting.is_firing else 'is over'}{since}"


def _pairs(named: dict[str, str]) -> str:
    return ", ".join(f"{name}={_short(value)}" for name, value in named.items())


def _line(name: str, value: str) -> Iterator[str]:
    """A name and its value, where there is one."""
    if value:
        yield from _wrapped(f"  {name:<{INDENT - 2}}", value, INDENT)


def described(trial: Trial) -> dict[str, Any]:
    """The same for programs."""
    return {
        "source": trial.source.source,
        "format": trial.source.format,
        "rule": trial.trace.rule.name if trial.trace and trial.trace.rule else None,
        "values": [_found(each) for each in trial.trace.found] if trial.trace else [],
        "readings": [_meaning(each) for each in trial.meanings],
        "refusal": {"reason": trial.refusal.reason, "detail": trial.refusal.detail}
        if trial.refusal
        else None,
    }


def _found(found: Found) -> dict[str, Any]:
    return {
        "name": found.part.name,
        "item": found.item,
        "expression": found.part.expression.text,
        "place": found.part.place,
        "value": None if found.why or found.value is None else _written(found.value),
        "why": found.why,
    }


def _meaning(meaning: Meaning) -> dict[str, Any]:
    reading: Reading = meaning.reading
    return {
        **reading.model_dump(mode="json"),
        "incident": meaning.alert.key if meaning.alert else None,
        "alert": meaning.alert.model_dump(mode="json") if meaning.alert else None,
        "unwanted": meaning.unwanted,
        "note": meaning.note,
    }
