"""The instance metadata service of EC2 (IMDSv2), polled for notices of this machine's end.

It shows a notice earlier and more reliably than any event through EventBridge. Outside EC2 the service is
missing, and the poll ends.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

from eddyline.aws.link_local_http import LocalServiceError, check_url, request
from eddyline.core.background_loop import keep_running
from eddyline.core.clock import Clock, SystemClock
from eddyline.core.stop import Stop
from eddyline.fleet.instance_metadata import PARSERS, parse_metadata
from eddyline.fleet.notices import INSTANCE_ID, Malformed, Notice, Parsed

POLL_S = 5.0
"""As the EC2 User Guide recommends: a Spot warning of two minutes loses 5 s at most."""

_ENDPOINT = "http://169.254.169.254"
_TOKEN_TTL_S = 21_600
_RENEW_S = _TOKEN_TTL_S * 0.9
_ATTEMPTS = 3
_OK, _UNAUTHORIZED, _NOT_FOUND = 200, 401, 404
_MAX_TOKEN = 512  # characters


class InstanceMetadata:
    """A client of the metadata service. Not safe from several threads."""

    def __init__(
        self,
        endpoint: str = _ENDPOINT,
        *,
        timeout_s: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = check_url(endpoint)
        self._timeout_s = timeout_s
        self._monotonic = monotonic
        self._token = ""
        self._renew_at = 0.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> InstanceMetadata | None:
        """A client as the AWS SDKs' variables configure it; None if they disable the service."""
        if environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
            return None
        return cls(environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _ENDPOINT)

    def get(self, path: str) -> str | None:
        """The value at `path` below /latest/meta-data/; None if there is none. Raises `LocalServiceError`."""
        status, text = self._get(path)
        if status == _UNAUTHORIZED:  # a token becomes invalid when the machine is stopped and started
            self._token = ""
            status, text = self._get(path)
        if status == _NOT_FOUND:
            return None
        if status != _OK:
            raise LocalServiceError(f"the metadata service answered {status} for {path}")
        return text

    def instance_id(self) -> str:
        """The ID of this instance, or "" if it is unavailable."""
        try:
            found = (self.get("instance-id") or "").strip()
        except LocalServiceError:
            return ""
        return found if INSTANCE_ID.fullmatch(found) else ""

    def is_available(self) -> bool:
        """Whether this machine has the service; takes a few seconds if it has not."""
        for _ in range(_ATTEMPTS):
            try:
                self._ensure_token()
            except LocalServiceError:
                continue
            return True
        return False

    def _get(self, path: str) -> tuple[int, str]:
        self._ensure_token()
        return request(
            "GET",
            f"{self._endpoint}/latest/meta-data/{path}",
            headers={"X-aws-ec2-metadata-token": self._token},
            timeout_s=self._timeout_s,
        )

    def _ensure_token(self) -> None:
        now = self._monotonic()
        if self._token and now < self._renew_at:
            return
        status, text = request(
            "PUT",
            f"{self._endpoint}/latest/api/token",
            headers={"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_TTL_S)},
            timeout_s=self._timeout_s,
        )
        if status != _OK or not (0 < len(text) <= _MAX_TOKEN and text.isascii() and text.isprintable()):
            raise LocalServiceError(f"the metadata service returned no token (status {status})")
        self._token, self._renew_at = text, now + _RENEW_S


class MetadataWatch:
    """Polls the metadata service until the stop is raised, and passes on each notice once.

    `on_notice` and `on_error` (with a message for the log) are called from the watch's thread.
    """

    def __init__(
        self,
        metadata: InstanceMetadata,
        on_notice: Callable[[Notice], None],
        *,
        stop: Stop,
        on_error: Callable[[str], None],
        clock: Clock | None = None,
        every_s: float = POLL_S,
    ) -> None:
        self._metadata = metadata
        self._on_notice = on_notice
        self._on_error = on_error
        self._stop = stop
        self._clock = clock or SystemClock()
        self._every_s = every_s
        self._soon = threading.Event()
        self._last_notices: dict[str, tuple[str, str, str]] = {}
        self._last_errors: dict[str, str] = {}

    def start(self) -> threading.Thread:
        """Run in a daemon thread."""
        thread = threading.Thread(target=self.run, name="metadata", daemon=True)
        thread.start()
        return thread

    def run(self) -> None:
        """Poll until the stop is raised; returns at once if the metadata service is missing."""
        if not self._metadata.is_available():
            self._on_error(
                "no instance metadata (IMDSv2): not an EC2 instance, or a container behind a hop limit of 1; "
                "Spot and scale-in notices will not be seen"
            )
            return
        while not self._stop.requested:
            self._soon.clear()
            keep_running("metadata", self.poll)
            self._pause()

    def _pause(self) -> None:
        """Wait until the next poll; a stop ends the wait within a second."""
        until = time.monotonic() + self._every_s
        while not self._stop.requested and (left := until - time.monotonic()) > 0:
            if self._soon.wait(min(left, 1.0)):
                return

    def poll_soon(self) -> None:
        """Poll at once, if the watch runs: SIGTERM may have a cause that the service already shows."""
        self._soon.set()

    def poll(self) -> None:
        """Read every path once; an error with one does not affect the others."""
        for path in PARSERS:
            keep_running("metadata", partial(self._poll_path, path))

    def _poll_path(self, path: str) -> None:
        try:
            value = self._metadata.get(path)
        except LocalServiceError as error:
            self._report_error(path, str(error))
            return
        match parse_metadata(path, value, self._clock.now()):
            case Parsed(notices=notices):
                self._pass_on(path, notices[0])
            case Malformed(reason=reason):
                self._report_error(path, reason)
                return
        self._last_errors.pop(path, None)

    def _pass_on(self, path: str, notice: Notice) -> None:
        if self._last_notices.get(path) != notice.identity:
            # Recorded only afterwards: if the callback raises, the next poll calls it again.
            self._on_notice(notice)
            self._last_notices[path] = notice.identity

    def _report_error(self, path: str, message: str) -> None:
        if self._last_errors.get(path) != message:
            self._last_errors[path] = message
            self._on_error(message)
