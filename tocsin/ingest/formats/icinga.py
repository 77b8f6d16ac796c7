"""Icinga 2's notifications, in the environment that its `NotificationCommand` gives to a script.

Source: icinga.com/docs, "Object Types" (NotificationCommand) and "Runtime Macros". Icinga exports nothing by itself;
the command that `docs/monitors.md` shows says it under the names that Icinga 1 exported. The scripts shipped with
Icinga 2 go by the same names without `ICINGA_`, which are not read here: a machine calls itself HOSTNAME too, and
would stand in for the host wherever a command leaves that out, as those before Icinga 2.7 did.
"""

from __future__ import annotations

from tocsin.domain.readings import Reading
from tocsin.ingest.formats.nagios import notified
from tocsin.ingest.formats.told import Told

PREFIX = "ICINGA_"

_REMEDY = (
    "the NotificationCommand's `env` must set it, with ICINGA_ before it, such as "
    'ICINGA_HOSTNAME = "$host.name$"; docs/monitors.md shows all of it'
)


def read(told: Told) -> Reading:
    """The notification for which Icinga ran us. Raises `Problem`, also where it says no state or whose that is."""
    service = told.first("SERVICENAME", "SERVICEDESC")
    labels = {"address": told["HOSTADDRESS"], **told.labels}
    notification = notified(told, service, labels, _REMEDY)
    if told["SERVICESTATE"] and not service:
        told.demand("SERVICENAME", _REMEDY)
    told.demand("SERVICESTATE" if service else "HOSTSTATE", _REMEDY)
    return notification.reading
