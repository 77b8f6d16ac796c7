"""Icinga 2's notifications, in the environment that its `NotificationCommand` gives to a script.

Source: icinga.com/docs, "Object Types" (NotificationCommand) and "Runtime Macros". Icinga exports nothing by itself;
the command that `docs/monitors.md` shows says it under the names that the scripts shipped with Icinga have used.
"""

from __future__ import annotations

from tocsin.domain.readings import Reading
from tocsin.ingest.formats.nagios import notified
from tocsin.ingest.formats.told import LABEL, Told

PREFIXES = ("NOTIFICATION", "HOST", "SERVICE", "LAST", "LONG", LABEL)

_REMEDY = "the NotificationCommand's `env` must set it, as docs/monitors.md shows"


def read(told: Told) -> Reading:
    """The notification for which Icinga ran us. Raises `Problem`."""
    service = told.first("SERVICENAME", "SERVICEDESC")
    return notified(told, service, {"address": told["HOSTADDRESS"], **told.labels}, _REMEDY).reading
