"""Installs programs that the tests use and the package index lacks, on Debian as root.

These are Chromium, which opens asset pages, and ExifTool, which reads written files. Elsewhere their tests
are skipped, and a message says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """A program by its possible names, its Debian package, and what the tests use it for."""

    names: tuple[str, ...]
    package: str
    tests: str

    @property
    def is_installed(self) -> bool:
        """Whether the program is on the PATH."""
        return any(map(shutil.which, self.names))


PROGRAMS = (
    Program(("chromium", "chromium-browser", "google-chrome"), "chromium", "open asset pages"),
    Program(("exiftool",), "libimage-exiftool-perl", "read written files"),
)


def main() -> None:
    """Install the missing programs where possible; failures are ignored."""
    missing = [program for program in PROGRAMS if not program.is_installed]
    if not missing:
        return
    for program in missing:
        sys.stdout.write(f"{program.names[0]} is not installed; tests use it to {program.tests}\n")
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.stdout.write("these tests will be skipped\n")
        return
    packages = [program.package for program in missing]
    sys.stdout.write(f"installing {' and '.join(packages)}\n")
    _apt_get("update")
    for package in packages:  # one by one: a failed one does not prevent the others
        _apt_get("install", "-y", "--no-install-recommends", package)


def _apt_get(*command: str) -> None:
    subprocess.run(
        ("apt-get", *command),
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )


if __name__ == "__main__":
    main()
