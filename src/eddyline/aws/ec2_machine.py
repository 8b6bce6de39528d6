"""Reads which machine this is from the EC2 instance metadata, once, when a worker starts.

Categories and values are those of the EC2 User Guide ("Instance metadata categories").
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from eddyline.aws.ec2_metadata import InstanceMetadata
from eddyline.aws.link_local_http import LocalServiceError
from eddyline.graph.machine import ON_DEMAND, SPOT, Machine, is_instance, is_instance_type, is_zone

TIMEOUT_S = 3.0
"""The service answers within milliseconds, or never: outside EC2, or beyond its hop limit."""

_ATTEMPTS = 2  # for a request that is lost while the machine starts
# Scheduled instances and capacity blocks are not interrupted like Spot Instances.
_LIFECYCLES = {"spot": SPOT, "on-demand": ON_DEMAND, "scheduled": ON_DEMAND, "capacity-block": ON_DEMAND}
_FIELDS: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    "instance": ("instance-id", is_instance),
    "instance_type": ("instance-type", is_instance_type),
    "zone": ("placement/availability-zone", is_zone),
    "lifecycle": ("instance-life-cycle", _LIFECYCLES.__contains__),
}


def read_machine(
    metadata: InstanceMetadata,
    *,
    timeout_s: float = TIMEOUT_S,
    monotonic: Callable[[], float] = time.monotonic,
) -> Machine:
    """What the service says about this machine; empty where it does not answer, or not as documented.

    Starts no request after `timeout_s` seconds; never raises.
    """
    deadline = monotonic() + timeout_s
    found: dict[str, str] = {}
    for field, (path, is_valid) in _FIELDS.items():
        value = _read(metadata, path, deadline, monotonic)
        if value is None and not found:
            return Machine()  # not EC2: the other requests would not be answered either
        if value is not None and is_valid(value):
            found[field] = value
    return Machine(
        instance=found.get("instance", ""),
        instance_type=found.get("instance_type", ""),
        zone=found.get("zone", ""),
        lifecycle=_LIFECYCLES.get(found.get("lifecycle", ""), ""),
    )


def _read(
    metadata: InstanceMetadata, path: str, deadline: float, monotonic: Callable[[], float]
) -> str | None:
    for _ in range(_ATTEMPTS):
        if monotonic() >= deadline:
            return None
        try:
            return (metadata.get(path) or "").strip()
        except LocalServiceError:
            continue
    return None


class MachineReading:
    """Reads the machine in a thread, from construction on: other preparations of a worker need not wait.

    Without `metadata` nothing is known.
    """

    def __init__(self, metadata: InstanceMetadata | None, *, timeout_s: float = TIMEOUT_S) -> None:
        self._machine = Machine()
        self._deadline = time.monotonic() + timeout_s
        self._thread: threading.Thread | None = None
        if metadata is not None:
            self._thread = threading.Thread(target=self._run, args=(metadata,), name="machine", daemon=True)
            self._thread.start()

    def result(self) -> Machine:
        """The machine, or what is known of it once the time is up."""
        if self._thread is not None:
            self._thread.join(max(self._deadline - time.monotonic(), 0.0))
        return self._machine

    def _run(self, metadata: InstanceMetadata) -> None:
        self._machine = read_machine(metadata, timeout_s=self._deadline - time.monotonic())
