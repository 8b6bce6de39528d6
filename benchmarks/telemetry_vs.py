"""Compares one hour of HERO7-like telemetry with every other tool in the package registries.

CPU seconds of complete processes, including the start of the interpreter, each in turn on the same hour in
an MP4. Each tool is compared with the same work of Eddyline, or more work:

    decode   every stream into arrays, stored and real values and the time of each sample
    json     the same, written as JSON

`telemetry.vs.TOOL` is the tool's CPU time divided by Eddyline's: 20 means that it takes twenty times as
long. The tools are installed once into benchmarks/cache; tools that cannot be installed are skipped with a
message.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import telemetry
from eddyline.gpmf.payloads import split_payloads
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece

_CACHE = Path(__file__).parent / "cache"
_LIMIT_S = 900
_ENVIRONMENT = {**telemetry.environment(), "NODE_PATH": str(_CACHE / "npm" / "node_modules")}
_ROUNDS = 5

_DECODE = """
import sys
from eddyline import gpmf
for stream in gpmf.read(sys.argv[1]).streams.values():
    assert len(stream.values) == len(stream.raw) and len(stream.times) == len(stream)
"""
_JSON = """
import sys
from pathlib import Path
from eddyline import gpmf
from eddyline.gpmf import export
export.save(gpmf.read(sys.argv[1]), Path(sys.argv[2]), "json")
"""
# GPS, motion, exposure: the ten streams of the hour; FACE is empty in it.
_PY_GPMF_PARSER = """
import sys
from py_gpmf_parser.gopro_telemetry_extractor import GoProTelemetryExtractor
video = GoProTelemetryExtractor(sys.argv[1])
video.open_source()
for key in ("ACCL", "GYRO", "GPS5", "ISOE", "SHUT", "WBAL", "WRGB", "UNIF", "SROT"):
    values, times = video.extract_data(key)
    assert len(values) == len(times) > 0, key
"""
_TELEMETRY_PARSER = """
import sys, telemetry_parser
assert len(telemetry_parser.Parser(sys.argv[1]).telemetry()) > 3000
"""
# One call for positions, another for motion: it has no other data.
_MAPILLARY = """
import sys
from mapillary_tools.gpmf.gpmf_parser import extract_gopro_info
with open(sys.argv[1], "rb") as video:
    assert len(extract_gopro_info(video).gps) > 60000
    video.seek(0)
    assert len(extract_gopro_info(video, telemetry_only=True).accl) > 700000
"""
_NODE = """
const fs = require('fs'), extract = require('gpmf-extract'), telemetry = require('gopro-telemetry');
const read = extract.default || extract, decode = telemetry.goProTelemetry || telemetry;
read(fs.readFileSync(process.argv[1])).then(results => decode(results, {})).then(decoded => {
  const out = fs.openSync(process.argv[2], 'w');
  for (const device of Object.values(decoded))
    for (const stream of Object.values(device.streams || {})) fs.writeSync(out, JSON.stringify(stream));
}).catch(error => { console.error(error); process.exit(1); });
"""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """Another tool: the work to compare, and a function for its command (None: it is unavailable)."""

    name: str
    work: str
    command: Callable[[], tuple[str, ...] | None]


def _python(package: str, pinned: str, code: str) -> Callable[[], tuple[str, ...] | None]:
    def command() -> tuple[str, ...] | None:
        directory = _CACHE / package
        if not directory.is_dir():
            venv.create(directory, with_pip=True)
            if not _succeeds((str(directory / "bin" / "pip"), "install", "-q", f"{package}=={pinned}")):
                shutil.rmtree(directory)
                return None
        return (str(directory / "bin" / "python"), "-c", code)

    return command


def _node() -> tuple[str, ...] | None:
    directory = _CACHE / "npm"
    if not (shutil.which("node") and shutil.which("npm")):
        return None
    if not directory.is_dir():
        directory.mkdir(parents=True)
        packages = ("gpmf-extract@0.3.3", "gopro-telemetry@1.2.11")
        if not _succeeds(("npm", "install", "--silent", "--no-audit", "--prefix", str(directory), *packages)):
            shutil.rmtree(directory)
            return None
    return ("node", "--max-old-space-size=6000", "-e", _NODE)


def _exiftool() -> tuple[str, ...] | None:
    results = shutil.which("exiftool")
    return (results, "-api", "LargeFileSupport=1", "-ee3", "-G3", "-j") if results else None


TOOLS = (
    Tool(name="py-gpmf-parser", work="decode", command=_python("py-gpmf-parser", "0.1.1", _PY_GPMF_PARSER)),
    Tool(
        name="telemetry-parser",
        work="decode",
        command=_python("telemetry-parser", "0.3.0", _TELEMETRY_PARSER),
    ),
    Tool(name="mapillary_tools", work="decode", command=_python("mapillary_tools", "0.14.7", _MAPILLARY)),
    Tool(name="gopro-telemetry", work="json", command=_node),
    Tool(name="exiftool", work="json", command=_exiftool),
)


def _succeeds(argv: tuple[str, ...]) -> bool:
    return (
        subprocess.run(argv, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
        == 0
    )


def write_hour_mp4(directory: Path) -> Path:
    """The hour as cameras store it: a gpmd track in an MP4, next to a video track of empty frames."""
    raw, out, frames = directory / "hour.gpmf", directory / "GX010001.MP4", directory / "frames"
    telemetry.write_hour(raw)
    payloads = split_payloads(raw.read_bytes())
    size = np.diff(payloads.at)
    frames.write_bytes(bytes(8))
    count = 30 * len(size)
    avc = make_box("avcC", bytes((1, 100, 0, 31, 0xFF, 0xE0, 0)))
    shape = struct.pack(">HHIIIH32sHh", 640, 360, 0x480000, 0x480000, 0, 1, bytes(32), 24, -1)
    video = make_box("avc1", bytes(6), struct.pack(">H", 1), bytes(16), shape, avc)
    meta = make_box("gpmd", bytes(6), struct.pack(">H", 1), bytes(4))
    tracks = [
        OutputTrack(
            handler="vide",
            name="GoPro AVC",
            timescale=30000,
            stsd=make_full_box("stsd", 0, 0, struct.pack(">I", 1), video),
            media_header=make_full_box("vmhd", 0, 1, bytes(8)),
            width=640,
            height=360,
            pieces=(Piece(source=frames, offset=np.zeros(count, np.int64), size=np.full(count, 8)),),
            duration=np.full(count, 1001),
        ),
        OutputTrack(
            handler="meta",
            name="GoPro MET",
            timescale=1000,
            stsd=make_full_box("stsd", 0, 0, struct.pack(">I", 1), meta),
            media_header=make_box("gmhd", make_full_box("gmin", 0, 0, bytes(12)), make_box("gpmd", bytes(4))),
            pieces=(Piece(source=raw, offset=payloads.at[:-1], size=size),),
            duration=np.full(len(size), 1001),
        ),
    ]
    write_mp4(out, tracks, timescale=30000, brand="mp41", durable=False)
    return out


def cpu_s(argv: tuple[str, ...], out: Path | None = None) -> float | None:
    """CPU seconds of one run (None: it failed), with its output in a file."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with (out or Path(os.devnull)).open("wb") as file:
        try:
            done = subprocess.run(
                argv, check=False, stdout=file, stderr=subprocess.PIPE, timeout=_LIMIT_S, env=_ENVIRONMENT
            )
        except subprocess.TimeoutExpired:
            return None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.stderr.write(done.stderr[-500:].decode(errors="replace"))
        return None
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure() -> dict[str, float]:
    """CPU seconds for the hour to JSON (without the interpreter), and each tool's time over Eddyline's."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        video = str(write_hour_mp4(directory))
        ours = {
            "decode": _minimum_cpu_s((sys.executable, "-c", _DECODE, video)),
            "json": _minimum_cpu_s((sys.executable, "-c", _JSON, video, str(directory / "ours.json"))),
        }
        empty = _minimum_cpu_s((sys.executable, "-c", "pass"))
        results = {
            "telemetry.hour_json_cpu_s": ours["json"] - empty,
            "telemetry_vs.numpy_import_s": _minimum_cpu_s((sys.executable, "-c", "import numpy")) - empty,
            "telemetry.hour_json_mb": (directory / "ours.json").stat().st_size / 1e6,
        }
        for tool in TOOLS:
            command = tool.command()
            if command is None:
                sys.stderr.write(f"{tool.name} is unavailable: skipped\n")
                continue
            target = directory / f"{tool.name}.json"
            written = (str(target),) if tool.name == "gopro-telemetry" else ()
            seconds = cpu_s((*command, video, *written), None if written else target)
            if seconds is None:
                sys.stderr.write(f"{tool.name} failed or took more than {_LIMIT_S} s: skipped\n")
                continue
            sys.stderr.write(f"{tool.name}: {seconds:.2f} s, ours {ours[tool.work]:.2f} s ({tool.work})\n")
            results[f"telemetry.vs.{tool.name}"] = seconds / ours[tool.work]
        return results


def _minimum_cpu_s(argv: tuple[str, ...]) -> float:
    """The minimum of several runs: noise only adds time."""
    seconds = [cpu_s(argv) for _ in range(_ROUNDS)]
    assert None not in seconds, argv
    return min(each for each in seconds if each is not None)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
