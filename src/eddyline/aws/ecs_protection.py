"""ECS task scale-in protection, held only while a job runs.

Protection keeps a service's scale-in and deployments away from a task. Held for good, it would keep the
worker from ever stopping; so it ends with the last job, and by itself soon after a worker that was killed.
(ECS Developer Guide, "Task scale-in protection endpoint".)
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
    """Tells the ECS agent whether this task is busy; safe from any thread, and never in a caller's way.

    `expires_min` minutes after the last word, protection ends by itself: it is renewed in time while a job
    runs. Changes within `pause_s` seconds are told as one.
    """

    def __init__(
        self,
        agent: str,
        *,
        on_trouble: Callable[[str], None],
        expires_min: int = 5,
        pause_s: float = 1.0,
        renew_s: float | None = None,
        timeout_s: float = 3.0,
    ) -> None:
        self._url = f"{check_url(agent)}/task-protection/v1/state"
        self._on_trouble = on_trouble
        self._expires_min = expires_min
        self._pause_s = pause_s
        self._renew_s = expires_min * 20.0 if renew_s is None else renew_s
        self._timeout_s = timeout_s
        self._changed = threading.Condition()
        self._wanted = False
        self._told: bool | None = False
        self._said = ""
        self._closed = False
        self._thread = threading.Thread(target=self._keep_telling, name="protection", daemon=True)
        self._thread.start()

    @classmethod
    def of(cls, environment: Mapping[str, str], on_trouble: Callable[[str], None]) -> TaskProtection | None:
        """For the agent that ECS names in `ECS_AGENT_URI`; None outside ECS."""
        agent = environment.get("ECS_AGENT_URI", "")
        return cls(agent, on_trouble=on_trouble) if agent else None

    def hold(self, busy: bool) -> None:  # noqa: FBT001 - it is what a drainer's `busy` calls
        """Protect the task, or no longer."""
        with self._changed:
            self._wanted = busy
            self._changed.notify_all()

    def close(self) -> None:
        """Let go of the task, whatever runs; returns once that is told, or after a few seconds."""
        with self._changed:
            self._closed = True
            self._wanted = False
            self._changed.notify_all()
        self._thread.join(timeout=2 * self._timeout_s)

    def _keep_telling(self) -> None:
        backoff = Backoff(BackoffPolicy(base_s=self._pause_s, cap_s=_MAX_BACKOFF_S), wait=self._rest)
        while self._await_change():
            wanted = self._wanted
            if keep_running("task protection", partial(self._step, protected=wanted)) and not self._said:
                self._told = wanted
                backoff.reset()
                self._rest(self._pause_s)
                continue
            if self._closed:
                return  # it ends by itself, `expires_min` after the last renewal
            self._told = None  # an answer that was lost may have been a yes
            backoff.pause()

    def _step(self, *, protected: bool) -> None:
        try:
            self._tell(protected=protected)
            self._said = ""
        except LocalServiceError as error:
            if str(error) != self._said:
                self._said = str(error)
                self._on_trouble(self._said)

    def _await_change(self) -> bool:
        """Wait until something is to be told; False: never again."""
        renew_at = time.monotonic() + self._renew_s
        with self._changed:
            while self._wanted == self._told:
                if self._closed:
                    return False
                left = renew_at - time.monotonic()
                if self._wanted and left <= 0:
                    break
                self._changed.wait(left if self._wanted else None)
        return True

    def _rest(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)

    def _tell(self, *, protected: bool) -> None:
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
            doing = "protect" if protected else "release"
            raise LocalServiceError(
                f"the ECS agent did not {doing} the task: {status} {text[:300]}",
                remedy="see that the task belongs to a service and its role allows ecs:UpdateTaskProtection",
            )


def is_confirmed(text: str, *, protected: bool) -> bool:
    """Whether the agent's answer says that it was done; never raises.

    It may answer 200 and a failure (or an error) all the same.
    """
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return False
    state = answer.get("protection") if isinstance(answer, dict) else None
    return isinstance(state, dict) and state.get("ProtectionEnabled") is protected
