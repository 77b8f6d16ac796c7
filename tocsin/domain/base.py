"""The two kinds of model: values, which never change, and records, which a decision edits on its own copy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An instant, always with a time zone and always kept in UTC."""


class Value(BaseModel):
    """A model that never changes once made; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Values are shared, not copied: that keeps the copy at a decision's door cheap."""
        return self


class Record(BaseModel):
    """A model that a decision may change, on its own copy; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", validate_assignment=False)
