"""Attributes that the authoring rules of HLS and DASH require and the packager does not write.

The dynamic range of SDR variants beside HDR; the main role if a period has several video adaptation sets; the
aspect ratio and the stream access points of video; and the default variant, which is the first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from math import log
from pathlib import Path

from eddyline.media.streaming.audio_groups import FIRST_GROUP
from eddyline.media.streaming.playlist_lines import attributes

DEFAULT_BIT_RATE = 2_000_000  # bits per second; HLS Authoring Specification, item 1.32
_MASTER, _MPD = "master.m3u8", "manifest.mpd"
_VARIANT = re.compile(r"(?m)^#EXT-X-STREAM-INF:([^\n]*)\n[^\n]*\n")
_RANGELESS = re.compile(r"(?m)^#EXT-X-(?:I-FRAME-)?STREAM-INF:(?![^\n]*VIDEO-RANGE=)[^\n]*$")
_SET = re.compile(r"<AdaptationSet\b[^>]*>")
_SETS = re.compile(r"[ ]*<AdaptationSet\b[^>]*>.*?</AdaptationSet>\n", re.DOTALL)
_WIDTH, _HEIGHT = (re.compile(rf' {name}="([1-9]\d{{0,5}})"') for name in ("width", "height"))
_SAR = re.compile(r' sar="([1-9]\d{0,5}):([1-9]\d{0,5})"')
_ROLE = '      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>\n'


def complete_manifests(stream: Path) -> None:
    """Add the attributes to the master playlist and the MPD, whose bit rates are final."""
    master, mpd = stream / _MASTER, stream / _MPD
    text = with_video_ranges(master.read_text("utf-8"))
    master.write_text(with_default_variant(text), "utf-8")
    text = with_aspect_ratios(with_set_attributes(mpd.read_text("utf-8")))
    mpd.write_text(with_main_role(text), "utf-8")


def with_video_ranges(text: str) -> str:
    """The master playlist with VIDEO-RANGE=SDR where it is missing, if another variant is HDR (item 9.16)."""
    if not re.search(r"VIDEO-RANGE=(?:PQ|HLG)", text):
        return text
    return _RANGELESS.sub(lambda found: f"{found[0]},VIDEO-RANGE=SDR", text)


def with_default_variant(text: str) -> str:
    """The master playlist with the default variant first.

    Players start with the first variant of the playlist. It is the H.264 variant, or else the SDR variant,
    with stereo AAC and the average bit rate nearest to 2 Mbit/s; the others keep their order.
    """
    found = list(_VARIANT.finditer(text))
    if not found:
        return text
    default = min(found, key=lambda each: _distance(attributes(each[1])))
    others = [each[0] for each in found if each is not default]
    start, end = found[0].start(), found[-1].end()
    between = _VARIANT.sub("", text[start:end])
    return text[:start] + default[0] + "".join(others) + between + text[end:]


def _distance(variant: Mapping[str, str]) -> tuple[bool, bool, bool, float]:
    other_audio = variant.get("AUDIO", FIRST_GROUP) != FIRST_GROUP
    is_hdr = variant.get("VIDEO-RANGE", "SDR") != "SDR"
    rate = int(variant.get("AVERAGE-BANDWIDTH", 0)) or 1
    distance = abs(log(rate / DEFAULT_BIT_RATE))
    return not variant.get("CODECS", "").startswith("avc1"), is_hdr, other_audio, distance


def with_set_attributes(text: str) -> str:
    """The MPD with the SAP type of video segments, and their alignment, which is verified later."""
    return _SET.sub(lambda found: _with_attributes(found[0]), text)


def _with_attributes(element: str) -> str:
    if 'contentType="video"' not in element:
        return element
    for attribute in ("segmentAlignment", "startWithSAP"):
        if f" {attribute}=" not in element:
            value = "1" if attribute == "startWithSAP" else "true"
            element = element.replace('contentType="video"', f'contentType="video" {attribute}="{value}"', 1)
    return element


def with_aspect_ratios(text: str) -> str:
    """The MPD with a @par in each video set (DASH-IF IOP 3.2.4): the ratio of its first representation.

    The packager omits it if the sizes, rounded to even pixels, have slightly different ratios.
    """
    return _SETS.sub(lambda found: _with_aspect_ratio(found[0]), text)


def _with_aspect_ratio(element: str) -> str:
    width, height, sar = (pattern.search(element) for pattern in (_WIDTH, _HEIGHT, _SAR))
    if 'contentType="video"' not in element or " par=" in element or not (width and height):
        return element
    pixel = Fraction(int(sar[1]), int(sar[2])) if sar else Fraction(1)
    ratio = Fraction(int(width[1]), int(height[1])) * pixel
    value = f"{ratio.numerator}:{ratio.denominator}"
    return element.replace('contentType="video"', f'contentType="video" par="{value}"', 1)


def with_main_role(text: str) -> str:
    """The MPD with the role "main" of the first video set, H.264 if possible, if there are several."""
    sets = [found[0] for found in _SETS.finditer(text) if 'contentType="video"' in found[0]]
    if len(sets) < 2 or any('value="main"' in each for each in sets):  # noqa: PLR2004 - several
        return text
    main = next((each for each in sets if 'codecs="avc1' in each), sets[0])
    return text.replace(main, main.replace("      <Representation ", f"{_ROLE}      <Representation ", 1), 1)
