"""A store whose every change may kill the worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eddyline.store.local import LocalStore


class Killed(BaseException):
    """The worker was killed."""


@dataclass
class KillSwitch:
    """Kills the worker before or after the n-th change of the store."""

    remaining: int | None = None
    after: bool = False

    def check(self, *, after: bool) -> None:
        if self.remaining is None or after != self.after:
            return
        self.remaining -= 1
        if self.remaining < 0:
            self.remaining = None
            raise Killed


class KillableStore(LocalStore):
    """A directory whose every change may kill the worker."""

    def __init__(self, root: Path, kill_switch: KillSwitch) -> None:
        super().__init__(root)
        self.kill_switch = kill_switch

    def put(self, key: str, path: Path) -> None:
        self.kill_switch.check(after=False)
        super().put(key, path)
        self.kill_switch.check(after=True)

    def put_bytes(self, key: str, data: bytes) -> None:
        self.kill_switch.check(after=False)
        super().put_bytes(key, data)
        self.kill_switch.check(after=True)

    def compare_and_set(self, key: str, data: bytes, expected: str | None) -> bool:
        self.kill_switch.check(after=False)
        done = super().compare_and_set(key, data, expected)
        self.kill_switch.check(after=True)
        return done

    def delete(self, prefix: str) -> None:
        self.kill_switch.check(after=False)
        super().delete(prefix)
        self.kill_switch.check(after=True)
