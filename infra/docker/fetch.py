"""Downloads a file while an image is built, and checks its digest: the slim images have no curl."""

from __future__ import annotations

import argparse
import hashlib
import sys
import urllib.request
from pathlib import Path

_MAX_BYTES = 1 << 30
_TIMEOUT_S = 60
_BLOCK = 1 << 20


class FetchError(Exception):
    """The file cannot be used; the message says why."""


def fetch(url: str, target: Path, sha256: str) -> None:
    """Write the content of an https or file URL to `target`; `sha256` "": the digest is not checked.

    Raises `FetchError` for another scheme, another digest or a file above 1 GiB, and `OSError`.
    """
    if not url.startswith(("https://", "file:///")):
        raise FetchError(f"{url}: only https:// and file:/// are accepted")
    digest, size = hashlib.sha256(), 0
    with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response, target.open("wb") as file:  # noqa: S310 - checked
        while block := response.read(_BLOCK):
            size += len(block)
            if size > _MAX_BYTES:
                raise FetchError(f"{url}: larger than {_MAX_BYTES} bytes")
            digest.update(block)
            file.write(block)
    if sha256 and digest.hexdigest() != sha256.lower():
        target.unlink()
        raise FetchError(f"{url}: the SHA-256 is {digest.hexdigest()}, not {sha256}")


def main(arguments: list[str]) -> int:
    """Download one file; 1 if it fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("target", type=Path)
    parser.add_argument("--sha256", default="")
    options = parser.parse_args(arguments)
    try:
        fetch(options.url, options.target, options.sha256)
    except (FetchError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
