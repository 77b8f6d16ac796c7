"""Monit's events, in the environment that it gives to a program that it runs with `exec`.

Source: mmonit.com/monit/documentation, "Environment". Whether something began or ended Monit says in the words of
`MONIT_EVENT` alone, which come from a list in its source (`Event_Table` in `event.c`): "Connection failed" and
"Connection succeeded" are the two ends of one alert, "Connection". What is not on the list rings.
"""

from __future__ import annotations

from tocsin.domain.readings import Reading, Sighting
from tocsin.ingest.formats.told import Told

PREFIX = "MONIT_"

ENDS = (" succeeded", " ok", " up", " recovery", " not changed", " doesn't match")
BEGINS = (" failed", " exceeded", " matched", " error", " down", " changed", " match")
"""How an event of Monit's ends that tells of the end, or of the beginning, of what stands before it."""

IRREGULAR = {
    "Does not exist": ("Existence", True),
    "Exists": ("Existence", False),
    "Does exist": ("Non-existence", True),
    "Exists not": ("Non-existence", False),
    "Invalid type": ("Type", True),
}
"""Events that are built otherwise: what they are about, and whether it begins."""

_REMEDY = "is this run by Monit's `exec`? By hand, give it as an argument: MONIT_SERVICE=… MONIT_EVENT=…"


def read(told: Told) -> Reading:
    """The event for which Monit ran us. Raises `Problem`."""
    service, event = told.demand("SERVICE", _REMEDY), told.demand("EVENT", _REMEDY)
    host, description = told["HOST"], told["DESCRIPTION"]
    about, is_firing = _parted(event)
    group = f"{host}!{service}" if host else service
    own = {"host": host, "service": service, "event": about}
    labels = told.labels | {name: text for name, text in own.items() if text}
    annotations = {"description": description} if description else {}
    said = Sighting(key=about, is_firing=is_firing, labels=labels, annotations=annotations)
    where = f"{service} on {host}" if host else service
    return Reading(group=group, sightings=(said,), title=f"{where}: {description or event}", labels=labels)


def _parted(event: str) -> tuple[str, bool]:
    """What an event is about, and whether that begins. The ends come first: "not changed" is no change."""
    if event in IRREGULAR:
        return IRREGULAR[event]
    for endings, is_firing in ((ENDS, False), (BEGINS, True)):
        for ending in endings:
            if event.endswith(ending):
                return event.removesuffix(ending), is_firing
    return event, True
