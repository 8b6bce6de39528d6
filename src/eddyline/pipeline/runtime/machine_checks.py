"""The checks of `eddyline doctor`: programs, encoders, disk space and limits of this machine."""

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
from eddyline.pipeline.runtime.disk_space import existing_parent

_MIN_FREE_BYTES = 5 * 1024**3
_MIN_OPEN_FILES = 256
_MEMORY_PER_SLOT = 1024**3
_MIN_PYTHON = (3, 11)


@dataclass(frozen=True, kw_only=True)
class Check:
    """The result of one check: `value` as found, `remedy` for when it is not `ok`."""

    name: str
    ok: bool
    value: str
    remedy: str = ""


def check_machine(out: Path, find_tools: Callable[[], Toolchain]) -> tuple[Check, ...]:
    """All checks, in the order in which a user would fix them."""
    checks = [
        Check(
            name="python",
            ok=sys.version_info >= _MIN_PYTHON,
            value=platform.python_version(),
            remedy="install Python 3.11 or newer",
        )
    ]
    try:
        checks += _check_programs(find_tools())
    except EddylineError as error:
        checks.append(Check(name="toolchain", ok=False, value=error.message, remedy=error.remedy))
    return (*checks, _check_free_space(out), _check_writable(out), *_check_limits())


def _check_programs(tools: Toolchain) -> list[Check]:
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


def _check_free_space(out: Path) -> Check:
    free = shutil.disk_usage(existing_parent(out)).free
    return Check(
        name="free disk",
        ok=free >= _MIN_FREE_BYTES,
        value=f"{free / 1024**3:.1f} GiB for {out}",
        remedy="free disk space, or choose another disk with --out: a run needs about twice its source",
    )


def _check_writable(out: Path) -> Check:
    directory = existing_parent(out)
    ok = os.access(directory, os.W_OK)
    return Check(
        name="output folder",
        ok=ok,
        value=f"{directory} is {'writable' if ok else 'not writable'}",
        remedy="choose a writable directory with --out",
    )


def _check_limits() -> list[Check]:
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return [
        Check(name="cores", ok=True, value=f"{cores}, so {cores} jobs at a time"),
        Check(
            name="memory",
            ok=memory >= cores * _MEMORY_PER_SLOT,
            value=f"{memory / 1024**3:.1f} GiB",
            remedy="run with fewer --slots: each needs up to 1 GiB, or 4 GiB for 4K sources",
        ),
        Check(
            name="open files",
            ok=files >= _MIN_OPEN_FILES,
            value=str(files),
            remedy=f"allow at least {_MIN_OPEN_FILES}: ulimit -n {_MIN_OPEN_FILES}",
        ),
    ]
