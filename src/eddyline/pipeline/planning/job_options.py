"""The options of a submission that all its jobs inherit: owner, urgency and deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from eddyline.core.errors import UsageError
from eddyline.graph.job import PRIORITY_BAND

Urgency = Literal["interactive", "bulk"]
# Added to the priority of a job's kind (lower first): interactive work goes before all bulk work.
_PRIORITY_OFFSETS: dict[Urgency, int] = {"interactive": 0, "bulk": PRIORITY_BAND}


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """What every job of an asset inherits.

    `owner`: within a priority every owner gets the same share. `deadline` (seconds since 1970): when the
    asset should be published. Raises `UsageError` for an unknown urgency.
    """

    owner: str = ""
    urgency: Urgency = "interactive"
    deadline: float | None = None

    def __post_init__(self) -> None:
        if self.urgency not in _PRIORITY_OFFSETS:
            raise UsageError(
                f"unknown urgency {self.urgency!r}", remedy=f"choose one of {', '.join(get_args(Urgency))}"
            )

    def priority(self, kind_priority: int) -> int:
        """The priority of a job whose kind has `kind_priority`."""
        return kind_priority + _PRIORITY_OFFSETS[self.urgency]

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values."""
        return {"owner": self.owner, "urgency": self.urgency, "deadline": self.deadline}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> JobOptions:
        """The options that `to_json` wrote; missing values are defaults."""
        return cls(**values)


DEFAULT_OPTIONS: Final = JobOptions()
