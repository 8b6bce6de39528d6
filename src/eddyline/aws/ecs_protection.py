"""ECS task scale-in protection, enabled only while a job runs.

Protection keeps the scale-in and the deployments of a service away from a task. Enabled all the time, it
would keep the worker from ever stopping; so it ends with the last job, and it expires soon after a worker was
killed. (ECS Developer Guide, "Task scale-in protection endpoint".)
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

from eddyline.aws.link_local_http import LocalServiceError, check_url, request
from eddyline.core.background_loop import keep_running
from eddyline.core.backoff import Backoff, BackoffPolicy

_MAX_BACKOFF_S = 30.0
_OK = 200


class TaskProtection:
    """Sets the protection of this task through the ECS agent. Safe from any thread; callers never wait.

    Protection expires `expires_min` minutes after it was set, and is renewed in time while a job runs.
    Changes within `pause_s` seconds are sent as one. `on_error` gets each new error message once.
    """

    def __init__(
        self,
        agent_url: str,
        *,
        on_error: Callable[[str], None],
        expires_min: int = 5,
        pause_s: float = 1.0,
        renew_s: float | None = None,
        timeout_s: float = 3.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = f"{check_url(agent_url)}/task-protection/v1/state"
        self._on_error = on_error
        self._expires_min = expires_min
        self._pause_s = pause_s
        self._renew_s = expires_min * 20.0 if renew_s is None else renew_s
        self._timeout_s = timeout_s
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._wanted = False
        self._confirmed: bool | None = False
        self._last_error = ""
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="protection", daemon=True)
        self._thread.start()

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str], on_error: Callable[[str], None]
    ) -> TaskProtection | None:
        """The protection through the agent that ECS names in `ECS_AGENT_URI`; None outside ECS."""
        agent_url = environment.get("ECS_AGENT_URI", "")
        return cls(agent_url, on_error=on_error) if agent_url else None

    def set_busy(self, busy: bool) -> None:  # noqa: FBT001 - the `busy` callback of a drain controller
        """Protect the task while it is busy."""
        with self._changed:
            self._wanted = busy
            self._changed.notify_all()

    def close(self) -> None:
        """Release the task; returns once the agent has confirmed it, or after a few seconds."""
        with self._changed:
            self._closed = True
            self._wanted = False
            self._changed.notify_all()
        self._thread.join(timeout=2 * self._timeout_s)

    def _run(self) -> None:
        backoff = Backoff(BackoffPolicy(base_s=self._pause_s, cap_s=_MAX_BACKOFF_S), wait=self._rest)
        while self._await_change():
            wanted = self._wanted
            if (
                keep_running("task protection", partial(self._step, protected=wanted))
                and not self._last_error
            ):
                self._confirmed = wanted
                backoff.reset()
                self._rest(self._pause_s)
                continue
            if self._closed:
                return  # protection expires `expires_min` after the last renewal
            self._confirmed = None  # the agent may have done it although its response was lost
            backoff.pause()

    def _step(self, *, protected: bool) -> None:
        try:
            self._send(protected=protected)
            self._last_error = ""
        except LocalServiceError as error:
            if str(error) != self._last_error:
                self._last_error = str(error)
                self._on_error(self._last_error)

    def _await_change(self) -> bool:
        """Wait until there is a state to send; False once closed."""
        renew_at = self._monotonic() + self._renew_s
        with self._changed:
            while self._wanted == self._confirmed:
                if self._closed:
                    return False
                left = renew_at - self._monotonic()
                if self._wanted and left <= 0:
                    break
                self._changed.wait(left if self._wanted else None)
        return True

    def _rest(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)

    def _send(self, *, protected: bool) -> None:
        body: dict[str, object] = {"ProtectionEnabled": protected}
        if protected:
            body["ExpiresInMinutes"] = self._expires_min
        status, text = request(
            "PUT",
            self._url,
            headers={"Content-Type": "application/json"},
            body=json.dumps(body).encode(),
            timeout_s=self._timeout_s,
        )
        if status != _OK or not is_confirmed(text, protected=protected):
            action = "protect" if protected else "release"
            raise LocalServiceError(
                f"the ECS agent did not {action} the task: {status} {text[:300]}",
                remedy="put the task in a service and let its role call ecs:UpdateTaskProtection",
            )


def is_confirmed(text: str, *, protected: bool) -> bool:
    """Whether the agent's response confirms the state; never raises.

    The agent may answer 200 with a failure or an error.
    """
    try:
        response = json.loads(text)
    except (ValueError, RecursionError):
        return False
    state = response.get("protection") if isinstance(response, dict) else None
    return isinstance(state, dict) and state.get("ProtectionEnabled") is protected
