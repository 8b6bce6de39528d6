"""On what terms footage is processed: for whom, how soon, and by when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from eddyline.core.errors import UsageError
from eddyline.graph.job import PRIORITY_BAND

Urgency = Literal["interactive", "bulk"]
# Added to the number of a job's kind (lower first): whatever someone waits for goes before all that is bulk.
_PRIORITY_OFFSETS: dict[Urgency, int] = {"interactive": 0, "bulk": PRIORITY_BAND}


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """What every job of an asset inherits.

    `owner`: within a priority every owner gets the same share. `deadline` (seconds since 1970): when it
    should be done. Raises `UsageError` for an urgency that there is not.
    """

    owner: str = ""
    urgency: Urgency = "interactive"
    deadline: float | None = None

    def __post_init__(self) -> None:
        if self.urgency not in _PRIORITY_OFFSETS:
            raise UsageError(
                f"there is no urgency {self.urgency!r}",
                remedy=f"choose one of {', '.join(get_args(Urgency))}",
            )

    def priority(self, kind: int) -> int:
        """The priority of a job whose kind has this number."""
        return kind + _PRIORITY_OFFSETS[self.urgency]

    def to_json(self) -> dict[str, Any]:
        """A plain dict of JSON values."""
        return {"owner": self.owner, "urgency": self.urgency, "deadline": self.deadline}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> JobOptions:
        """The terms that `to_json` wrote; what is missing is as it is by default."""
        return cls(**plain)


DEFAULT_OPTIONS: Final = JobOptions()
