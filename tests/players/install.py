"""Installs hls.js and dash.js into build/players, for tests/web/test_players.py.

    python -m tests.players.install

They come from npm by the committed lock. Shaka Player is part of Eddyline's own pages.
"""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

import hatch_build

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "build" / "players" / "node_modules"
_FILES = ("package.json", "package-lock.json")


def main() -> None:
    """Install the packages of the lock, unless they are there."""
    here, target = Path(__file__).parent, MODULES.parent
    stamp = target / ".installed"
    state = sha256(b"".join((here / name).read_bytes() for name in _FILES)).hexdigest()
    if stamp.is_file() and stamp.read_text() == state:
        return
    target.mkdir(parents=True, exist_ok=True)
    for path in (*(here / name for name in _FILES), ROOT / ".npmrc"):
        shutil.copy(path, target)
    hatch_build.npm(str(target), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    stamp.write_text(state)


if __name__ == "__main__":
    main()
