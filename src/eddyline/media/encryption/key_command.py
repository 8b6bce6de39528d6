"""Content keys from a program that asks a key server.

The program gets `--key NAME --scheme SCHEME --asset ASSET --track video|audio` and prints one JSON object
with the fields of a key. It is a local executable because a key server has its own protocol and credentials
(SPEKE, a DRM vendor's API, a vault), and because Eddyline then makes no further network connections.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import ToolError, UsageError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.encryption.content_keys import ContentKey, KeyRequest
from eddyline.media.encryption.key_fields import parse_key

_LIMITS = Limits(wall_s=30, output=64 * 1024)
_PASSED_ON = ("AWS_", "KEY_SERVER_")  # prefixes of the variables that the program gets


@dataclass(frozen=True)
class KeyCommand:
    """The keys that a program returns."""

    path: Path

    def check(self, name: str) -> None:  # noqa: ARG002 - a KeySource
        """Raise `UsageError` unless the program can be started. The server is not asked."""
        if not self.path.is_absolute() or not os.access(self.path, os.X_OK) or not self.path.is_file():
            raise UsageError(
                f"the key command {self.path} is not an executable file",
                remedy="set EDDYLINE_KEY_COMMAND to the absolute path of a program",
            )

    def content_key(self, request: KeyRequest, runner: Runner) -> ContentKey:
        """The key that the program prints.

        Raises `ToolError` if it fails, exceeds 30 s or 64 KiB, or prints something else; the message does not
        contain its output.
        """
        self.check(request.name)
        options = {"key": request.name, "scheme": request.scheme}
        options |= {"asset": request.asset, "track": request.track}
        named = (text for name, value in options.items() for text in (f"--{name}", value))
        argv = (str(self.path), *named)
        env = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
        output = runner.run(argv, limits=_LIMITS, env=env).stdout
        try:
            return parse_key(json.loads(output))
        except (ValueError, RecursionError) as error:
            # A decoding error contains the document.
            reason = "" if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)) else f": {error}"
            raise ToolError(
                f"{self.path.name} printed no valid key{reason}",
                argv=argv,
                status=0,
                remedy="it must print one JSON object with key_id and key (docs/how-to/encryption.md)",
            ) from None
