"""Nagios' notifications, in the macros that it gives to a notification command.

Source: Nagios Core's documentation, "Standard Macros in Nagios" and "Custom Object Variables". In the environment the
macros are called `NAGIOS_HOSTNAME` and so on, where `enable_environment_macros=1` is set; else they come as arguments.

Of what Nagios says only this is read: it also tells every program the mail addresses of its contacts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tocsin.domain.readings import Reading, Sighting
from tocsin.ingest.formats.told import Told, unheard

PREFIX = "NAGIOS_"

FIRES, RECOVERS = "PROBLEM", "RECOVERY"
REMARKS = {
    "ACKNOWLEDGEMENT": "acknowledged, says the monitor; nobody here has answered",
    "CUSTOM": "somebody at the monitor sent a notification by hand",
    "FLAPPINGSTART": "goes back and forth, says the monitor, which is quiet about it until that ends",
    "FLAPPINGSTOP": "goes back and forth no more, says the monitor",
    "FLAPPINGEND": "goes back and forth no more, says the monitor",
    "FLAPPINGDISABLED": "may go back and forth, says the monitor, which looks for that no more",
    "DOWNTIMESTART": "is to be down from now on, says the monitor",
    "DOWNTIMEEND": "is not to be down any more, says the monitor",
    "DOWNTIMECANCELLED": "is not to be down after all, says the monitor",
    "DOWNTIMEREMOVED": "is not to be down after all, says the monitor",
}
"""What each other type of notification says for the timeline, in Nagios' words and in Icinga's."""

_REMEDY = (
    "set enable_environment_macros=1 in nagios.cfg, or give the macros as arguments: HOSTNAME='$HOSTNAME$' …"
)

_ANNOTATIONS = {"notes": "NOTES", "runbook_url": "NOTESURL", "url": "ACTIONURL"}
_LABELS = {"host_groups": "HOSTGROUPNAMES", "service_groups": "SERVICEGROUPNAMES", "address": "HOSTADDRESS"}


@dataclass(frozen=True)
class Notification:
    """A word about a host, or about a service on it, as Nagios and those who came after it put it.

    `before` is the state in which host or service was last, `since` when it came to the one in which it is.
    """

    type: str
    host: str
    service: str
    state: str
    before: str
    output: str
    since: datetime | None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The host, or `host!service`, as Icinga writes it: neither program takes such a character in a name."""
        return f"{self.host}!{self.service}" if self.service else self.host

    @property
    def reading(self) -> Reading:
        """The notification in our words. Raises `Problem` for a type that nobody knows."""
        if self.type not in {FIRES, RECOVERS, *REMARKS}:
            known = ", ".join((FIRES, RECOVERS, *REMARKS))
            raise unheard(f'NOTIFICATIONTYPE "{self.type}" is none of those that there are: {known}')
        said = Sighting(
            key=self.key,
            is_firing=self.type == FIRES,
            remark=REMARKS.get(self.type, ""),
            began=self.since if self.type == FIRES else None,
            labels=self._all_labels,
            annotations={name: text for name, text in self.annotations.items() if text},
        )
        return Reading(group=self.key, sightings=(said,), title=self._title, labels=said.labels)

    @property
    def _title(self) -> str:
        what = f"{self.service} on {self.host}" if self.service else self.host
        return ": ".join(filter(None, (what, self.output or self.state)))

    @property
    def _all_labels(self) -> dict[str, str]:
        """Labels of one's own may say another severity, but not another host."""
        own = {"host": self.host, "service": self.service, "state": self.state}
        labels = {"severity": self._severity, **self.labels, **own}
        return {name: text for name, text in labels.items() if text}

    @property
    def _severity(self) -> str:
        """The state, in lower case: of a recovery the one before, so that the same rule of a plan takes it."""
        is_over = self.type == RECOVERS and self.before
        return (self.before if is_over else self.state).lower()


def read(told: Told) -> Reading:
    """The notification for which Nagios ran us. Raises `Problem`.

    Its labels are groups, and what hosts and services have as custom variables; the service's come before its host's.
    """
    known = {label: told[name] for label, name in _LABELS.items()}
    custom = told.below("_HOST") | told.below("_SERVICE")
    return notified(told, told["SERVICEDESC"], known | custom | told.labels, _REMEDY).reading


def notified(told: Told, service: str, labels: Mapping[str, str], remedy: str) -> Notification:
    """The notification that was told in Nagios' macros. Raises `Problem`, with the `remedy` where some are missing."""
    about = "SERVICE" if service else "HOST"
    output = told[f"{about}OUTPUT"]
    more = told[f"LONG{about}OUTPUT"].replace("\\n", "\n")
    annotations = {name: told[f"{about}{macro}"] for name, macro in _ANNOTATIONS.items()}
    return Notification(
        type=told.demand("NOTIFICATIONTYPE", remedy).upper(),
        host=told.demand("HOSTNAME", remedy),
        service=service,
        state=told[f"{about}STATE"],
        before=told[f"LAST{about}STATE"],
        output=output,
        since=told.moment(f"LAST{about}STATECHANGE"),
        labels=labels,
        annotations={"description": "\n".join(filter(None, (output, more))), **annotations},
    )
