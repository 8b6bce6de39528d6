"""Before the tests: what cannot come from the package index is installed where that is ours to do.

On Debian as root that is Chromium, for the tests that open a page as a person does. Elsewhere they are
skipped, saying so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    """Install what is missing and may be installed; never fail for it."""
    if any(map(shutil.which, _BROWSERS)):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.stdout.write("no Chromium here: the tests that open a page will be skipped\n")
        return
    sys.stdout.write("installing Chromium for the tests that open a page\n")
    for command in (("update",), ("install", "-y", "--no-install-recommends", "chromium")):
        subprocess.run(
            ("apt-get", *command),
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )


if __name__ == "__main__":
    main()
