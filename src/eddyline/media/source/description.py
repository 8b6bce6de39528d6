"""Creation time, title, place and device of a recording, as its container says them.

There are many spellings: QuickTime's user data (©nam, ©xyz), iTunes lists, 3GPP boxes (titl, loci) and
Apple's metadata keys (com.apple.quicktime.*). FFmpeg knows them all, so it is asked about a file of one frame
that has the source's moov/udta and moov/meta.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from eddyline.core.errors import InputError
from eddyline.core.process import Runner
from eddyline.media.left_out.report import LeftOut
from eddyline.media.source.ffprobe import run_ffprobe
from eddyline.media.source.source import Description, Location
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import select_samples

MAX_META_BYTES: Final = 1024 * 1024
"""Bytes of moov/meta that are carried: more is not text, but an image in every rendition."""

_QUICKTIME = "com.apple.quicktime."
_CREATED = (f"{_QUICKTIME}creationdate", "creation_time", "date")
_TITLE = (f"{_QUICKTIME}title", f"{_QUICKTIME}displayname", "title")
_MAKE = (f"{_QUICKTIME}make", "make", "com.android.manufacturer")
_MODEL = (f"{_QUICKTIME}model", "model", "com.android.model")
_LOCATION = (f"{_QUICKTIME}location.iso6709", "location", "location-eng")
_LONGEST = 200  # characters
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?")
_DAY = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
_PLACE = re.compile(r"([+-])(\d+)(\.\d+)?([+-])(\d+)(\.\d+)?(?:([+-]\d+(?:\.\d+)?))?(?:CRS[^/]*)?/?")


def read_description(
    src: ByteRanges, movie: Movie, track: Track, *, tools: Toolchain, runner: Runner, work: Path
) -> Description:
    """What the movie says of itself; nothing where FFmpeg cannot read it."""
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
    """The description in the tags of a container, as ffprobe names them."""
    plain = {str(key).lower(): _line(str(value)) for key, value in tags.items()}

    def first(names: tuple[str, ...]) -> str:
        return next((plain[name] for name in names if plain.get(name)), "")

    return Description(
        created=next((when for name in _CREATED if (when := parse_time(plain.get(name, "")))), ""),
        title=first(_TITLE),
        make=first(_MAKE),
        model=first(_MODEL),
        location=next((found for name in _LOCATION if (found := parse_location(plain.get(name, "")))), None),
    )


def parse_time(text: str) -> str:
    """A time in the form "2024-05-06T07:08:09Z" or "2024-05-06T09:08:09+02:00"; empty for what is none."""
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
    """The place in a string of ISO 6709 ("+47.3769+008.5417+400/"); None for what is none.

    Degrees may be decimal, or have minutes and seconds behind them (annex H: DDMM.M, DDMMSS.S).
    """
    match = _PLACE.fullmatch(text)
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
    """`width` digits are degrees; two or four more are minutes and seconds."""
    if len(digits) not in {width, width + 2, width + 4}:
        # Some writers leave out leading zeros; then all of it is degrees.
        if len(digits) > width:
            return None
        digits = digits.rjust(width, "0")
    parts = [digits[:width], *re.findall("..", digits[width:])]
    parts[-1] += fraction
    value = sum(float(part) / (1.0, 60.0, 3600.0)[power] for power, part in enumerate(parts))
    return round(-value if sign == "-" else value, 7)


def rendition_meta(movie: Movie) -> bytes | None:
    """The payload of moov/meta as renditions have it: as ISO/IEC 14496-12 does, with version and flags."""
    meta = movie.meta
    if meta is None or len(meta) > MAX_META_BYTES:
        return None
    return bytes(4) + meta if meta[4:8] == b"hdlr" else meta


def left_out_metadata(movie: Movie) -> tuple[LeftOut, ...]:
    """The metadata of a movie that renditions do not carry."""
    if movie.meta is None or len(movie.meta) <= MAX_META_BYTES:
        return ()
    what = f"moov/meta ({len(movie.meta):,} bytes)"
    return (LeftOut(kind="metadata", what=what, why=f"it is larger than {MAX_META_BYTES:,} bytes"),)


def _line(text: str) -> str:
    return "".join(each for each in text if each.isprintable()).strip()[:_LONGEST]
