"""Transcodes one file and prints its renditions.

python examples/transcode.py GX010042.MP4 library
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from eddyline import pipeline


def main(source: str, out: str) -> None:
    """Run the embedded pipeline; raises eddyline.core.errors.EddylineError on failure."""
    pipeline.run([source], out=out, profile="fast")
    for path in sorted(Path(out, "assets").glob("*/manifest.json")):
        manifest = json.loads(path.read_text("utf-8"))
        for rendition in manifest["renditions"]:
            print(path.parent / rendition["path"], f"{rendition['bitrate_kbps']} kbit/s")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
