"""The rate at which work arrives, as a moving average that starts as a plain one."""

from __future__ import annotations


class ArrivalRate:
    """Exponentially weighted over `window_s`; the first readings count equally."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._seen_s = 0.0
        self.value = 0.0

    def add(self, work: float, seconds: float) -> float:
        """The rate after `work` arrived in `seconds`."""
        if seconds > 0:
            self._seen_s += seconds
            share = seconds / min(self._seen_s, self._window_s)
            self.value += (work / seconds - self.value) * min(share, 1.0)
        return self.value
