"""Content keys from a file that only its owner can read.

keys:
  main: {key_id: "6e5a1d26-2757-47d7-8046-eaa5d1d34b5a", key: "<32 hex digits>", uri: "https://..."}
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eddyline.core.errors import UsageError
from eddyline.core.processes.runner import Runner
from eddyline.core.settings_file import read_settings
from eddyline.media.encryption.content_keys import ContentKey, KeyRequest
from eddyline.media.encryption.key_fields import parse_key

_OTHERS = 0o077  # permissions of the group and of others
_REMEDY = "correct it as in docs/how-to/encryption.md"


@dataclass(frozen=True)
class KeyFile:
    """The keys of a YAML or JSON file by name. It is read at each request, so that keys can be added."""

    path: Path

    def check(self, name: str) -> None:
        """Raise `UsageError` unless the file is valid, private, and contains the key `name`."""
        self._read(name)

    def content_key(self, request: KeyRequest, runner: Runner) -> ContentKey:  # noqa: ARG002 - a KeySource
        """The key of the request's name, the same for all assets and tracks."""
        return self._read(request.name)

    def _read(self, name: str) -> ContentKey:
        self._check_mode()
        plain = read_settings(self.path, remedy=_REMEDY, label="key file ").value
        keys: dict[Any, Any] = plain.get("keys") if isinstance(plain, dict) else None  # type: ignore[assignment]
        if not isinstance(keys, dict) or len(plain) != 1:
            raise UsageError(f"key file {self.path}: it must contain only the mapping keys", remedy=_REMEDY)
        if name not in keys:
            raise UsageError(
                f"key file {self.path} has no key {name!r}",
                remedy="add it to the file, or correct encryption.key in the profile",
            )
        try:
            return parse_key(keys[name])
        except ValueError as error:
            raise UsageError(f"key file {self.path}: keys.{name}: {error}", remedy=_REMEDY) from None

    def _check_mode(self) -> None:
        try:
            mode = self.path.stat().st_mode
        except OSError as error:
            raise UsageError(
                f"key file {self.path}: {error.strerror or error}",
                remedy="set EDDYLINE_ENCRYPTION_KEYS to the path of a readable key file",
            ) from error
        if mode & _OTHERS:
            raise UsageError(
                f"key file {self.path} can be read or written by other users (mode {mode & 0o777:04o})",
                remedy=f"run chmod 600 {self.path}",
            )
