"""Before the tests: what cannot come from the package index is installed where that is ours to do.

On Debian as root that is Chromium, for the tests that open a page as a person does, and ExifTool, for those
that let another program read what we wrote. Elsewhere they are skipped, saying so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Need:
    """A program under any of its names, the Debian package that has it, and the tests that want it."""

    names: tuple[str, ...]
    package: str
    tests: str

    @property
    def met(self) -> bool:
        """Whether it is here."""
        return any(map(shutil.which, self.names))


NEEDS = (
    Need(("chromium", "chromium-browser", "google-chrome"), "chromium", "open a page"),
    Need(("exiftool",), "libimage-exiftool-perl", "have ExifTool read our files"),
)


def main() -> None:
    """Install what is missing and may be installed; never fail for it."""
    missing = [need for need in NEEDS if not need.met]
    if not missing:
        return
    for need in missing:
        sys.stdout.write(f"no {need.names[0]} here, for the tests that {need.tests}\n")
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.stdout.write("these tests will be skipped\n")
        return
    packages = [need.package for need in missing]
    sys.stdout.write(f"installing {' and '.join(packages)}\n")
    _apt_get("update")
    for package in packages:  # one by one: each that can be had
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
