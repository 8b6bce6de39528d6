"""Puts the FFmpeg of an image at DIRECTORY/bin/ffmpeg, while the image is built.

In this order: the file that a build context put there, the archive of a URL, the FFmpeg of the wheel
(imageio-ffmpeg). The program must run and have the encoders that are named.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from infra.docker.fetch import FetchError, fetch

_TIMEOUT_S = 60


class InstallError(Exception):
    """The image cannot have this FFmpeg; the message says why."""


def install(directory: Path, url: str, sha256: str) -> Path:
    """Provide DIRECTORY/bin/ffmpeg; returns its path. Raises `InstallError`, `FetchError` or `OSError`."""
    program = directory / "bin" / "ffmpeg"
    if url and program.exists():
        raise InstallError("pass either FFMPEG_URL or the build context ffmpeg")
    if url:
        if not sha256:
            raise InstallError("FFMPEG_URL needs FFMPEG_SHA256")
        _unpack(url, sha256, directory)
    elif any(directory.glob("*")) and not program.exists():
        raise InstallError("the build context ffmpeg has no file bin/ffmpeg")
    elif not program.exists():
        import imageio_ffmpeg  # noqa: PLC0415 - only where its program is used

        program.parent.mkdir(parents=True, exist_ok=True)
        program.symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
        return program
    program.chmod(0o755)
    return program


def _unpack(url: str, sha256: str, directory: Path) -> None:
    """Unpack `bin/ffmpeg` of an archive, and what is beside `bin`; both may be in a directory of it."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent) as temporary:
        archive, content = Path(temporary, "archive"), Path(temporary, "content")
        fetch(url, archive, sha256)
        with tarfile.open(archive) as file:
            file.extractall(content, filter="data")
        found = sorted(path for path in content.rglob("bin/ffmpeg") if path.is_file())
        if len(found) != 1:
            raise InstallError(f"{url}: the archive has {len(found)} files bin/ffmpeg, not one")
        for each in found[0].parents[1].iterdir():
            each.rename(directory / each.name)


def check(program: Path, encoders: list[str]) -> None:
    """Run the program; raises `InstallError` if it does not run here or lacks an encoder."""
    try:
        done = subprocess.run(
            (program, "-hide_banner", "-encoders"),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallError(f"{program} does not run: {error}") from error
    if done.returncode:
        raise InstallError(f"{program} does not run: {done.stderr[-500:]}")
    names = {words[1] for line in done.stdout.splitlines() if len(words := line.split()) > 1}
    if missing := sorted(set(encoders) - names):
        raise InstallError(f"{program} lacks {', '.join(missing)}: pass another build of FFmpeg")


def main(arguments: list[str]) -> int:
    """Install and check FFmpeg; 1 if it fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--url", default="")
    parser.add_argument("--sha256", default="")
    parser.add_argument("--encoder", action="append", default=[])
    options = parser.parse_args(arguments)
    try:
        check(install(options.directory, options.url, options.sha256), options.encoder)
    except (InstallError, FetchError, OSError, tarfile.TarError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
