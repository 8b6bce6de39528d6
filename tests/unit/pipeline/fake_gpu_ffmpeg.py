"""An FFmpeg with a pretended GPU: h264_nvenc is libx264 until the device breaks.

Environment variables do not reach child processes of Eddyline, so the settings are files beside this
program: `real` has the path of the real FFmpeg; `chunks` the number of chunks that the device encodes before
it breaks; `error` what FFmpeg prints then. Each encoded chunk appends a line to `log`.
"""

import os
import re
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_OPTIONS_OF_NVENC = {
    *("-preset", "-tune", "-gpu", "-no-scenecut", "-forced-idr", "-strict_gop", "-b_adapt", "-b_ref_mode"),
    *("-rc-lookahead", "-rc", "-cq", "-b:v", "-maxrate", "-bufsize", "-hwaccel", "-hwaccel_output_format"),
}


def _on_cpu(argv: list[str]) -> list[str]:
    """The arguments with libx264 in place of NVENC, and filters of the CPU in place of those of CUDA."""
    out: list[str] = []
    places = iter(argv)
    for each in places:
        if each in _OPTIONS_OF_NVENC:
            next(places)
        elif each == "h264_nvenc":
            out += ["libx264", "-preset", "ultrafast", "-sc_threshold", "0", "-bf", "0"]
        else:
            scaled = re.sub(r"scale_cuda=w=(\d+):h=(\d+):[^,[]*", r"scale=\1:\2,format=yuv420p", each)
            out.append("yuv420p" if each == "cuda" else scaled)
    return out


def main() -> None:
    """Fail like a broken device, or run the real FFmpeg."""
    real, argv = (_HERE / "real").read_text(), sys.argv[1:]
    if "h264_nvenc" in argv:
        if "-filter_complex" in argv:
            log = _HERE / "log"
            encoded = len(log.read_text().splitlines()) if log.exists() else 0
            if encoded >= int((_HERE / "chunks").read_text()):
                sys.stderr.write((_HERE / "error").read_text() + "\n")
                sys.exit(171)
            with log.open("a") as file:
                file.write("chunk\n")
        argv = _on_cpu(argv)
    os.execv(real, [real, *argv])  # noqa: S606 - it becomes the real program


main()
