"""Calls AWS within a time budget: throttled and failed calls are repeated with jittered backoff.

Lambda repeats a failed asynchronous invocation after one and two minutes, which is too late for an
interruption in two minutes. So the repetitions are made here, and boto3's own are disabled.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.errors import EddylineError

Vendor: TypeAlias = Any
"""A client, function or response of boto3, which creates its classes at run time."""

BUDGET_S = 20.0
"""How long one invocation repeats calls, from its start."""

_RESERVE_S = 2.0  # of the function's timeout, to report what failed
_POLICY = BackoffPolicy(base_s=0.2, cap_s=3.0, jitter=0.9)
_TRANSIENT = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "ServerException",
        "InternalFailure",
        "InternalError",
        "InternalServerError",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Unavailable",
        "RequestTimeout",
        "ResourceContention",
        "ScalingActivityInProgress",
    }
)
_SERVER_ERROR = 500


class CallError(EddylineError):
    """A call of AWS failed. `code` is AWS' error code; `transient`: a later call may succeed."""

    def __init__(self, action: str, code: str, text: str, *, transient: bool) -> None:
        super().__init__(f"{action}: {code}: {text}")
        self.code = code
        self.text = text
        self.transient = transient


class Calls:
    """Repeats calls until `deadline`, a time of `clock`. `wait` lets seconds pass."""

    def __init__(
        self,
        *,
        deadline: float,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._deadline = deadline
        self._clock = clock
        self._wait = wait
        self._rng = rng

    def call(self, function: Callable[..., Any], **params: Any) -> Vendor:  # noqa: ANN401 - any parameter
        """The response; raises `CallError` if the call fails for good, or until the deadline."""
        backoff = self.backoff()
        while True:
            try:
                return _call(function, params)
            except CallError as error:
                if not error.transient or not backoff.pause():
                    raise

    def backoff(self) -> Backoff:
        """A backoff that ends at the deadline, for results that name what failed."""
        return Backoff(_POLICY, wait=self._wait, deadline=self._deadline, clock=self._clock, rng=self._rng)


def _call(function: Callable[..., Any], params: dict[str, Any]) -> Vendor:
    from botocore import exceptions as vendor  # noqa: PLC0415 - slow to import

    action = getattr(function, "__name__", "call")
    try:
        return function(**params)
    except vendor.ClientError as error:
        found = error.response.get("Error", {})
        code = str(found.get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        transient = code in _TRANSIENT or status >= _SERVER_ERROR
        raise CallError(action, code, str(found.get("Message", "")), transient=transient) from error
    except (vendor.HTTPClientError, vendor.ConnectionError, OSError) as error:
        raise CallError(action, type(error).__name__, str(error), transient=True) from error
    except vendor.BotoCoreError as error:
        raise CallError(action, type(error).__name__, str(error), transient=False) from error


def calls_of(context: object, clock: Callable[[], float] = time.monotonic) -> Calls:
    """The calls of one invocation; `context` says how much of the function's timeout is left."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    left_s = remaining() / 1000 - _RESERVE_S if callable(remaining) else BUDGET_S
    return Calls(deadline=clock() + max(min(BUDGET_S, left_s), 0.0), clock=clock)
