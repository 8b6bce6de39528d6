"""The machine's own metadata (IMDSv2), asked every few seconds whether this machine is to end.

What EC2 says of itself comes sooner, and more surely, than any event by way of EventBridge. Outside EC2
there is nothing to ask: the poll ends by itself.
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
"""As often as the EC2 User Guide recommends: so a Spot warning of two minutes loses 5 s at most."""

_ENDPOINT = "http://169.254.169.254"
_TOKEN_S = 21_600
_RENEW_S = _TOKEN_S * 0.9
_TRIES = 3
_OK, _UNAUTHORIZED, _NOT_FOUND = 200, 401, 404
_LONGEST_TOKEN = 512


class InstanceMetadata:
    """A client for one machine's metadata; not for several threads at once."""

    def __init__(self, endpoint: str = _ENDPOINT, *, timeout_s: float = 1.0) -> None:
        self._endpoint = check_url(endpoint)
        self._timeout_s = timeout_s
        self._token = ""
        self._renew_at = 0.0

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> InstanceMetadata | None:
        """As the AWS SDKs' own variables say; None where they switch it off."""
        if environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
            return None
        return cls(environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _ENDPOINT)

    def get(self, path: str) -> str | None:
        """What is at `path` below /latest/meta-data/; None: nothing. Raises `LocalServiceError`."""
        status, text = self._get(path)
        if status == _UNAUTHORIZED:  # a token does not outlive the machine's being stopped and started
            self._token = ""
            status, text = self._get(path)
        if status == _NOT_FOUND:
            return None
        if status != _OK:
            raise LocalServiceError(f"the metadata answered {status} for {path}")
        return text

    def instance(self) -> str:
        """This machine's id, or nothing if that is not to be had."""
        try:
            found = (self.get("instance-id") or "").strip()
        except LocalServiceError:
            return ""
        return found if INSTANCE_ID.fullmatch(found) else ""

    def is_there(self) -> bool:
        """Whether this machine has metadata of this kind at all; takes a few seconds to say no."""
        for _ in range(_TRIES):
            try:
                self._authorize()
            except LocalServiceError:
                continue
            return True
        return False

    def _get(self, path: str) -> tuple[int, str]:
        self._authorize()
        return request(
            "GET",
            f"{self._endpoint}/latest/meta-data/{path}",
            headers={"X-aws-ec2-metadata-token": self._token},
            timeout_s=self._timeout_s,
        )

    def _authorize(self) -> None:
        now = time.monotonic()
        if self._token and now < self._renew_at:
            return
        status, text = request(
            "PUT",
            f"{self._endpoint}/latest/api/token",
            headers={"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_S)},
            timeout_s=self._timeout_s,
        )
        if (
            status != _OK
            or not 0 < len(text) <= _LONGEST_TOKEN
            or not text.isascii()
            or not text.isprintable()
        ):
            raise LocalServiceError(f"the metadata gave no token (status {status})")
        self._token, self._renew_at = text, now + _RENEW_S


class MetadataWatch:
    """Asks until told to stop, and hands on each notice once.

    `on_notice` and `on_trouble` (words for a log) are called from the watch's own thread.
    """

    def __init__(
        self,
        metadata: InstanceMetadata,
        on_notice: Callable[[Notice], None],
        *,
        stop: Stop,
        on_trouble: Callable[[str], None],
        clock: Clock | None = None,
        every_s: float = POLL_S,
    ) -> None:
        self._metadata = metadata
        self._on_notice = on_notice
        self._on_trouble = on_trouble
        self._stop = stop
        self._clock = clock or SystemClock()
        self._every_s = every_s
        self._told: dict[str, tuple[str, str, str]] = {}
        self._troubles: dict[str, str] = {}

    def start(self) -> threading.Thread:
        """Run in a thread that keeps nobody from ending."""
        thread = threading.Thread(target=self.run, name="metadata", daemon=True)
        thread.start()
        return thread

    def run(self) -> None:
        """Ask until the stop is raised; returns at once where there is no metadata."""
        if not self._metadata.is_there():
            self._on_trouble(
                "no instance metadata (IMDSv2): this is not EC2, or a container behind a hop limit of 1; "
                "Spot and scale-in notices will not be seen"
            )
            return
        while not self._stop.requested:
            keep_running("metadata", self.poll)
            self._stop.wait(self._every_s)

    def poll(self) -> None:
        """Ask for everything once; an error with one answer leaves the others as they are."""
        for path in PARSERS:
            keep_running("metadata", partial(self._ask, path))

    def _ask(self, path: str) -> None:
        try:
            answer = self._metadata.get(path)
        except LocalServiceError as error:
            self._trouble(path, str(error))
            return
        match parse_metadata(path, answer, self._clock.now()):
            case Parsed(notices=notices):
                self._hand_on(path, notices[0])
            case Malformed(reason=reason):
                self._trouble(path, reason)
                return
        self._troubles.pop(path, None)

    def _hand_on(self, path: str, notice: Notice) -> None:
        if self._told.get(path) != notice.identity:
            # Marked only afterwards: a notice whose receiver failed is handed on again.
            self._on_notice(notice)
            self._told[path] = notice.identity

    def _trouble(self, path: str, said: str) -> None:
        if self._troubles.get(path) != said:
            self._troubles[path] = said
            self._on_trouble(said)
