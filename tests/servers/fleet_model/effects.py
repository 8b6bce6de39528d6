"""What a modelled fleet does: signals to containers, values of the metadata service, events."""

from __future__ import annotations

import signal
from typing import Protocol

from tests.servers.fleet_model.events import Event
from tests.servers.fleet_model.resources import Instance, Task


class Effects(Protocol):
    """Called while the model is locked: do little, and call no API of the model's control plane."""

    def start(self, task: Task) -> None:
        """Start the container of a task."""

    def stop(self, task: Task, number: signal.Signals) -> None:
        """Send SIGTERM or SIGKILL to the container of a task."""

    def set_metadata(self, instance: str, path: str, value: str) -> None:
        """Set a value below /latest/meta-data/ of an instance."""

    def terminate(self, instance: Instance) -> None:
        """End everything on an instance at once."""

    def emit(self, event: Event) -> None:
        """Deliver an EventBridge event."""


class Recorded:
    """Effects that only record: for tests and simulations without processes."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.started: list[str] = []
        self.signals: list[tuple[str, signal.Signals]] = []
        self.metadata: dict[str, dict[str, str]] = {}
        self.terminated: list[str] = []

    def start(self, task: Task) -> None:
        """Record the task."""
        self.started.append(task.arn)

    def stop(self, task: Task, number: signal.Signals) -> None:
        """Record the signal."""
        self.signals.append((task.arn, number))

    def set_metadata(self, instance: str, path: str, value: str) -> None:
        """Record the value."""
        self.metadata.setdefault(instance, {})[path] = value

    def terminate(self, instance: Instance) -> None:
        """Record the instance."""
        self.terminated.append(instance.id)

    def emit(self, event: Event) -> None:
        """Record the event."""
        self.events.append(event)

    def event_kinds(self) -> list[str]:
        """The kinds of the recorded events, in order."""
        return [str(event["detail-type"]) for event in self.events]
