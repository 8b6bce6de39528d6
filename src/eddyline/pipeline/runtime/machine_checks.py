"""What `eddyline doctor` looks at: the programs, what they can encode, room and limits."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import EddylineError
from eddyline.media.ladder.encoders import DEFAULT_ENCODERS
from eddyline.media.toolchain import Toolchain

_ROOM = 5 * 1024**3
_FILES = 256
_MEMORY_A_SLOT = 1024**3
_OLDEST = (3, 11)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing looked at: `value` as found, `remedy` for when it is not `ok`."""

    name: str
    ok: bool
    value: str
    remedy: str = ""


def check_machine(out: Path, find: Callable[[], Toolchain]) -> tuple[Check, ...]:
    """All checks, in the order in which a person would mend them."""
    checks = [
        Check(
            name="python",
            ok=sys.version_info >= _OLDEST,
            value=platform.python_version(),
            remedy="install Python 3.11 or newer",
        )
    ]
    try:
        checks += _programs(find())
    except EddylineError as error:
        checks.append(Check(name="toolchain", ok=False, value=error.message, remedy=error.remedy))
    return (*checks, _room(out), _writable(out), *_limits())


def _programs(tools: Toolchain) -> list[Check]:
    checks = [
        Check(name="ffmpeg", ok=True, value=f"{tools.ffmpeg_version} ({tools.ffmpeg})"),
        Check(name="ffprobe", ok=True, value=str(tools.ffprobe)),
        Check(name="packager", ok=True, value=f"{tools.packager_version} ({tools.packager})"),
    ]
    for codec, encoder in {**DEFAULT_ENCODERS, "aac": "aac"}.items():
        ok = encoder in tools.encoders
        checks.append(
            Check(
                name=f"{codec} encoder",
                ok=ok,
                value=encoder if ok else f"{encoder} is missing",
                remedy=f"use an FFmpeg built with {encoder}, or profiles without {codec}",
            )
        )
    return checks


def _nearest_folder(out: Path) -> Path:
    return next((each for each in (out.absolute(), *out.absolute().parents) if each.is_dir()), Path("/"))


def _room(out: Path) -> Check:
    free = shutil.disk_usage(_nearest_folder(out)).free
    return Check(
        name="free disk",
        ok=free >= _ROOM,
        value=f"{free / 1024**3:.1f} GiB for {out}",
        remedy="free some space, or choose another disk with --out: a run needs about twice its source",
    )


def _writable(out: Path) -> Check:
    folder = _nearest_folder(out)
    ok = os.access(folder, os.W_OK)
    return Check(
        name="output folder",
        ok=ok,
        value=f"{folder} is {'writable' if ok else 'not writable'}",
        remedy="choose a folder that you may write to with --out",
    )


def _limits() -> list[Check]:
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return [
        Check(name="cores", ok=True, value=f"{cores}, so {cores} jobs at a time"),
        Check(
            name="memory",
            ok=memory >= cores * _MEMORY_A_SLOT,
            value=f"{memory / 1024**3:.1f} GiB",
            remedy="run with fewer --slots: each takes up to 1 GiB, or 4 GiB with 4K footage",
        ),
        Check(
            name="open files",
            ok=files >= _FILES,
            value=str(files),
            remedy=f"allow at least {_FILES}: ulimit -n {_FILES}",
        ),
    ]
