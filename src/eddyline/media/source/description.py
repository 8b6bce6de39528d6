"""Creation time, title, location and device of a recording, from the metadata of its container.

The metadata has many forms: QuickTime user data (©nam, ©xyz), iTunes lists, 3GPP boxes (titl, loci) and
Apple's metadata keys (com.apple.quicktime.*). ffprobe parses all of them, from a small file of one frame with
the source's moov/udta and moov/meta.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from eddyline.core.errors import InputError
from eddyline.core.formatting import printable_line
from eddyline.core.processes.runner import Runner
from eddyline.media.left_out.report import LeftOut
from eddyline.media.source.ffprobe import run_ffprobe
from eddyline.media.source.source import Description, Location
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import select_samples

MAX_META_BYTES: Final = 1024 * 1024
"""The largest moov/meta that renditions carry: a larger one contains an image, not text."""

_QUICKTIME = "com.apple.quicktime."
_CREATED = (f"{_QUICKTIME}creationdate", "creation_time", "date")
_TITLE = (f"{_QUICKTIME}title", f"{_QUICKTIME}displayname", "title")
_MAKE = (f"{_QUICKTIME}make", "make", "com.android.manufacturer")
_MODEL = (f"{_QUICKTIME}model", "model", "com.android.model")
_LOCATION = (f"{_QUICKTIME}location.iso6709", "location", "location-eng")
_MAX_LENGTH = 200  # characters
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?")
_DAY = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
_ISO_6709 = re.compile(r"([+-])(\d+)(\.\d+)?([+-])(\d+)(\.\d+)?(?:([+-]\d+(?:\.\d+)?))?(?:CRS[^/]*)?/?")


def read_description(
    src: ByteRanges, movie: Movie, track: Track, *, tools: Toolchain, runner: Runner, work: Path
) -> Description:
    """Return the description of the movie; an empty one if FFmpeg cannot read it."""
    head = work / "metadata.mp4"
    brand = movie.brand or "qt  "
    try:
        first = select_samples(movie, track, src, np.zeros(1, np.int64))
        write_mp4(
            head,
            [first],
            timescale=movie.timescale,
            creation_time=movie.creation_time,
            udta=movie.udta,
            meta=movie.meta,
            brand=brand,
            compatible=(brand,),
            durable=False,
        )
        answer = run_ffprobe(head, "-show_entries", "format_tags", tools=tools, runner=runner)
    except InputError:
        return Description()
    finally:
        head.unlink(missing_ok=True)
    return parse_tags(answer.get("format", {}).get("tags") or {})


def parse_tags(tags: Mapping[str, object]) -> Description:
    """Return the description in the tags of a container; the keys are those of ffprobe."""
    values = {str(key).lower(): printable_line(str(value), _MAX_LENGTH) for key, value in tags.items()}

    def first(names: tuple[str, ...]) -> str:
        return next((values[name] for name in names if values.get(name)), "")

    return Description(
        created=next((time for name in _CREATED if (time := parse_time(values.get(name, "")))), ""),
        title=first(_TITLE),
        make=first(_MAKE),
        model=first(_MODEL),
        location=next((found for name in _LOCATION if (found := parse_location(values.get(name, "")))), None),
    )


def parse_time(text: str) -> str:
    """Return the time as "2024-05-06T07:08:09Z" or "2024-05-06T09:08:09+02:00"; "" if it is invalid."""
    if _DAY.fullmatch(text):
        return text
    match = _TIME.fullmatch(text)
    if match is None:
        return ""
    day, clock, fraction, zone = match.groups(default="")
    if len(zone) == len("+0200"):
        zone = f"{zone[:3]}:{zone[3:]}"
    return f"{day}T{clock}{fraction.rstrip('0').rstrip('.')}{zone}"


def parse_location(text: str) -> Location | None:
    """Parse an ISO 6709 string ("+47.3769+008.5417+400/"); return None if it is invalid.

    Degrees may be decimal, or be followed by minutes and seconds (annex H: DDMM.M, DDMMSS.S).
    """
    match = _ISO_6709.fullmatch(text)
    if match is None:
        return None
    latitude = _degrees(match[1], match[2], match[3] or "", 2)
    longitude = _degrees(match[4], match[5], match[6] or "", 3)
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:  # noqa: PLR2004
        return None
    height = match[7]
    return Location(
        latitude=latitude, longitude=longitude, altitude_m=None if height is None else float(height)
    )


def _degrees(sign: str, digits: str, fraction: str, width: int) -> float | None:
    """Parse an angle: `width` digits are degrees; two or four more are minutes and seconds."""
    if len(digits) not in {width, width + 2, width + 4}:
        # Some writers omit leading zeros; then all digits are degrees.
        if len(digits) > width:
            return None
        digits = digits.rjust(width, "0")
    parts = [digits[:width], *re.findall("..", digits[width:])]
    parts[-1] += fraction
    value = sum(float(part) / (1.0, 60.0, 3600.0)[power] for power, part in enumerate(parts))
    return round(-value if sign == "-" else value, 7)


def rendition_meta(movie: Movie) -> bytes | None:
    """Return the payload of moov/meta for renditions, with version and flags (ISO/IEC 14496-12)."""
    meta = movie.meta
    if meta is None or len(meta) > MAX_META_BYTES:
        return None
    return bytes(4) + meta if meta[4:8] == b"hdlr" else meta


def left_out_metadata(movie: Movie) -> tuple[LeftOut, ...]:
    """List the metadata of a movie that renditions omit."""
    if movie.meta is None or len(movie.meta) <= MAX_META_BYTES:
        return ()
    what = f"moov/meta ({len(movie.meta):,} bytes)"
    return (LeftOut(kind="metadata", what=what, why=f"it is larger than {MAX_META_BYTES:,} bytes"),)
