"""Serves the files of a directory over HTTP, for pages that play streams."""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.players.install import MODULES

_HERE = Path(__file__)


@contextmanager
def player_site(root: Path, stream: Path) -> Iterator[str]:
    """The address of a server with the page of the players, the players, and a stream below /stream.

    `root` is an empty directory.
    """
    (root / "stream").symlink_to(stream)
    if MODULES.is_dir():
        (root / "players").symlink_to(MODULES)
    (root / "static").symlink_to(_HERE.parents[2] / "src/eddyline/web/static/vendor")
    shutil.copy(_HERE.with_name("players.html"), root)
    handler = partial(_Handler, directory=str(root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a directory, without log lines."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Write nothing."""
