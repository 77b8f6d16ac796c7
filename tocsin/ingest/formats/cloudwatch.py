"""Amazon CloudWatch's alarms, as they reach a topic of SNS.

Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html. One alarm is one incident.
`ALARM` fires and `OK` resolves. `INSUFFICIENT_DATA` is neither: it is noted in the incident that is open, and opens
none. An alarm that should fire when its data stay away is told so in CloudWatch: *treat missing data as breaching*.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_pascal

from tocsin.domain.readings import Reading, Sighting
from tocsin.ingest.bodies import read_json
from tocsin.ingest.formats import Delivered
from tocsin.ingest.formats.awstimes import lenient
from tocsin.ingest.formats.snsenvelope import message_in
from tocsin.sources import Source

NO_DATA = "has too little data to tell, says the monitor"

LONGEST_KEY = 2_000

_REGION_IN_ARN, _ACCOUNT_IN_ARN = 3, 4


class _Pascal(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_pascal)


class Dimension(BaseModel):
    """What a metric is measured on, such as `InstanceId`."""

    name: str
    value: str


class Trigger(_Pascal):
    """What an alarm on one metric watches; alarms on several, or on other alarms, say it in other ways."""

    metric_name: str | None = None
    namespace: str | None = None
    dimensions: tuple[Dimension, ...] | None = None


class CloudWatchAlarm(_Pascal):
    """An alarm that has changed its state."""

    alarm_name: Annotated[str, Field(min_length=1, max_length=LONGEST_KEY)]
    new_state_value: Literal["ALARM", "OK", "INSUFFICIENT_DATA"]
    alarm_arn: Annotated[str | None, Field(max_length=LONGEST_KEY)] = None
    alarm_description: str | None = None
    new_state_reason: str | None = None
    state_change_time: Annotated[datetime | None, BeforeValidator(lenient)] = None
    region: str | None = None
    account: Annotated[str | None, Field(alias="AWSAccountId")] = None
    trigger: Trigger | None = None

    @property
    def reading(self) -> Reading:
        """The alarm in our words."""
        key = self.alarm_arn or self.alarm_name
        sighting = Sighting(
            key=key,
            is_firing=self.new_state_value == "ALARM",
            remark=NO_DATA if self.new_state_value == "INSUFFICIENT_DATA" else "",
            began=self.state_change_time,
            labels=dict(self._labels()),
            annotations=dict(self._annotations()),
        )
        return Reading(group=key, sightings=(sighting,), title=self.alarm_name)

    def _labels(self) -> Iterator[tuple[str, str]]:
        """The dimensions by their names, and over them what identifies the alarm."""
        trigger, arn = self.trigger or Trigger(), (self.alarm_arn or "").split(":")
        is_whole = len(arn) > _ACCOUNT_IN_ARN
        yield from ((each.name, each.value) for each in trigger.dimensions or ())
        said = {
            "alertname": self.alarm_name,
            "namespace": trigger.namespace,
            "metric": trigger.metric_name,
            # The message itself calls a region by its title, such as "EU (Ireland)".
            "region": arn[_REGION_IN_ARN] if is_whole else self.region,
            "account": arn[_ACCOUNT_IN_ARN] if is_whole else self.account,
        }
        yield from ((name, value) for name, value in said.items() if value)

    def _annotations(self) -> Iterator[tuple[str, str]]:
        said = {"description": self.alarm_description, "reason": self.new_state_reason}
        yield from ((name, value) for name, value in said.items() if value)


_ALARM = TypeAdapter(CloudWatchAlarm)


def is_alarm(content: Any) -> bool:
    """Whether a message of SNS is one of these."""
    return isinstance(content, dict) and {"AlarmName", "NewStateValue"} <= content.keys()


def reading_of(message: bytes) -> Reading:
    """What a message says. Raises `Problem`."""
    return read_json(_ALARM, message).reading


def read(delivered: Delivered, source: Source) -> tuple[Reading, ...]:
    """The alarm that SNS delivered; none where SNS asks something itself. Raises `Problem`."""
    message = message_in(delivered)
    return () if message is None else (reading_of(message),)
