"""Process-wide counters of rare events in packages that cannot import the metrics, which export them.

`observe.metrics` shows each as a Prometheus counter; the names and labels are listed in EVENTS.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Final

EVENTS: Final[dict[str, tuple[str, str]]] = {
    "messages_parked": (
        "queue",
        "Messages moved to the dead-letter queue: unreadable, or not applicable",
    ),
    "queues_recreated": ("queue", "Queues that were deleted while in use, and created again"),
}
"""By metric name: the label and the help text. Label values are queue kinds, never names from a message."""

_lock = threading.Lock()
_counts: dict[str, Counter[str]] = {name: Counter() for name in EVENTS}


def increment(name: str, label: str) -> None:
    """Count one event; raises `KeyError` for a name that is not in EVENTS."""
    with _lock:
        _counts[name][label] += 1


def counts(name: str) -> Mapping[str, int]:
    """The number of events of this process so far, by label."""
    with _lock:
        return dict(_counts[name])
