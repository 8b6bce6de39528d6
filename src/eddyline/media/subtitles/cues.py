"""Subtitle cues: parsed from SubRip text written by FFmpeg, sanitized, and written as WebVTT.

FFmpeg can write every text format that it decodes as SubRip, in milliseconds and with markup for bold, italic
and underlined text. That markup is kept; everything else in a cue is escaped as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape, unescape
from itertools import islice, pairwise
from typing import Final

from eddyline.core.errors import InputError

MAX_TRACKS: Final = 32
MAX_TEXT_BYTES: Final = 16 * 1024 * 1024  # of one track's text
MAX_CUES: Final = 50_000  # a cue a second for 14 hours
_MAX_SIMULTANEOUS: Final = 6
MAX_CUE_LENGTH: Final = 2_400  # characters: six cues of 4 bytes a character fit in a sample of tx3g

_HEADER = re.compile(
    r"^(\d{1,9})[ \t]*\n(\d{2,7}):(\d\d):(\d\d),(\d{3}) --> (\d{2,7}):(\d\d):(\d\d),(\d{3})[^\n]*(?:\n|\Z)",
    re.MULTILINE,
)
_TAG = re.compile(r"(</?[biu]>)|</?font[^<>]*>", re.IGNORECASE)
_WEBVTT_TAG = re.compile(r"(</?[biu]>)|<[^<>]*>", re.IGNORECASE)
_OVERRIDE = re.compile(r"\{\\[^{}\n]*\}")  # of ASS, as in {\an8}
_TOP = re.compile(r"\{\\an[789]\}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029]")
_MARKUP = re.compile(r"</?([biu])>")


@dataclass(frozen=True, kw_only=True)
class Cue:
    """One cue: [start, end) in milliseconds of the movie's timeline.

    `text` is WebVTT cue text (W3C WebVTT section 4.2): its only markup is <b>, <i> and <u>, properly nested,
    and it has no empty lines. `top` places it at the top of the video instead of the bottom.
    """

    start: int
    end: int
    text: str
    top: bool = False


@dataclass(frozen=True, kw_only=True)
class Subtitles:
    """One subtitle track: `language` ISO 639-2 ("und" if unknown), cues in order of their starts.

    `default`: players show it unless the viewer selects another. `forced`: it has only text that every viewer
    needs, such as translations of signs.
    """

    language: str = "und"
    title: str = ""
    default: bool = False
    forced: bool = False
    cues: tuple[Cue, ...] = ()


def parse_srt(text: str) -> tuple[Cue, ...]:
    """Parse SubRip text written by FFmpeg, with cues numbered from 1.

    A line of text that resembles the header of a cue is recognized by its number, and stays text.
    Raises `InputError` beyond `MAX_CUES` or `MAX_CUE_LENGTH`.
    """
    heads: list[re.Match[str]] = []
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    for head in _HEADER.finditer(text):
        if int(head[1]) == len(heads) + 1:
            heads.append(head)
    check_count(len(heads))
    ends = [*(head.start() for head in heads[1:]), len(text)][: len(heads)]
    cues = [
        srt_cue(_ms(head, 2), _ms(head, 6), text[head.end() : end])
        for head, end in zip(heads, ends, strict=True)
    ]
    return sort_cues(cues)


def sort_cues(cues: Iterable[Cue]) -> tuple[Cue, ...]:
    """Return the cues in order of their starts. Raises `InputError` if too many overlap."""
    ordered = tuple(sorted(cues, key=lambda each: (each.start, each.end)))
    check_overlap(ordered)
    return ordered


def srt_cue(start: int, end: int, raw: str) -> Cue:
    """Return a cue of SubRip text with times in milliseconds. Raises `InputError` if it is too long."""
    text = _clean(_OVERRIDE.sub("", raw), _TAG, _escape)
    return _cue(start, end, text, len(raw), top=bool(_TOP.search(raw)))


def webvtt_cue(start: int, end: int, raw: str, *, top: bool) -> Cue:
    """Return a cue of WebVTT text without voices, classes and timestamps. Raises as `srt_cue` does."""
    text = _clean(raw, _WEBVTT_TAG, lambda piece: _escape(unescape(piece)))
    return _cue(start, end, text, len(plain_text(text)), top=top)


def _cue(start: int, end: int, text: str, length: int, *, top: bool) -> Cue:
    if length > MAX_CUE_LENGTH:
        raise InputError(
            f"a cue has {length} characters, more than {MAX_CUE_LENGTH}",
            remedy="export the subtitles again",
        )
    # WebVTT requires a positive duration.
    return Cue(start=max(start, 0), end=max(end, start + 1, 1), text=text, top=top)


def check_count(cues: int) -> None:
    """Raise `InputError` for more cues than `MAX_CUES`."""
    if cues > MAX_CUES:
        raise InputError(
            f"a subtitle track has more than {MAX_CUES} cues",
            remedy="remove the subtitle track, or divide the recording",
        )


def to_webvtt(cues: Iterable[Cue], *, header: str = "") -> str:
    """Return a WebVTT file; `header` are lines after its first one."""
    parts = [f"WEBVTT\n{header}"]
    for number, each in enumerate(cues, 1):
        settings = " line:0" if each.top else ""
        timing = f"{webvtt_timestamp(each.start)} --> {webvtt_timestamp(each.end)}{settings}"
        parts.append(f"{number}\n{timing}\n{each.text}\n")
    return "\n".join(parts)


def webvtt_timestamp(ms: int) -> str:
    """Return a WebVTT timestamp: "00:00:01.500"."""
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def styled_spans(text: str) -> list[tuple[str, frozenset[str]]]:
    """Return the text of a cue in pieces, each with its markup ("b", "i", "u")."""
    found: list[tuple[str, frozenset[str]]] = []
    open_: list[str] = []
    at = 0
    for mark in [*_MARKUP.finditer(text), None]:
        piece = unescape(text[at : mark.start() if mark else len(text)])
        if piece:
            found.append((piece, frozenset(open_)))
        if mark is None:
            break
        if mark[0].startswith("</"):
            open_.remove(mark[1])
        else:
            open_.append(mark[1])
        at = mark.end()
    return found


def plain_text(text: str) -> str:
    """Return the text of a cue without markup."""
    return "".join(piece for piece, _ in styled_spans(text))


def visible_intervals(cues: Sequence[Cue]) -> Iterator[tuple[int, int, list[int]]]:
    """Yield the intervals [start, end) in which cues are shown, with the numbers of these cues."""
    times = sorted({each.start for each in cues} | {each.end for each in cues})
    ends: dict[int, list[int]] = {}
    for number, each in enumerate(cues):
        ends.setdefault(each.end, []).append(number)
    shown: dict[int, None] = {}  # in order of their starts
    number = 0
    for start, end in pairwise(times):
        for ended in ends.get(start, ()):
            shown.pop(ended, None)
        while number < len(cues) and cues[number].start <= start:
            shown[number] = None
            number += 1
        if shown:
            yield start, end, list(shown)


def flatten_cues(cues: Sequence[Cue]) -> list[tuple[int, int, str]]:
    """Return the cues as (start, end, text) without overlap, for formats that show one text at a time.

    Texts of overlapping cues are joined as lines, in order of their starts; at most `_MAX_SIMULTANEOUS`.
    """
    found = []
    for start, end, numbers in visible_intervals(cues):
        texts = (cues[number].text for number in numbers if cues[number].text)
        text = "\n".join(islice(texts, _MAX_SIMULTANEOUS))
        if text:
            found.append((start, end, text))
    return found


def check_overlap(cues: Sequence[Cue]) -> None:
    """Raise `InputError` if the overlap of cues exceeds what can be read."""
    total = 0
    for _, _, numbers in visible_intervals(cues):
        total += len(numbers)
        if total > 20 * MAX_CUES:
            raise InputError(
                "too many cues of a subtitle track are shown at the same time",
                remedy="remove the subtitle track, or export the subtitles again",
            )


def _ms(head: re.Match[str], first: int) -> int:
    hours, minutes, seconds, rest = (int(head[first + place]) for place in range(4))
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


def _clean(raw: str, tags: re.Pattern[str], to_text: Callable[[str], str]) -> str:
    """Return WebVTT cue text: keeps the markup in group 1 of `tags`, with correct nesting.

    Removes other matches of `tags`, and converts the text between with `to_text`.
    """
    out: list[str] = []
    open_: list[str] = []
    at = 0
    for tag in tags.finditer(raw):
        out.append(to_text(raw[at : tag.start()]))
        at = tag.end()
        if tag[1]:
            _apply_tag(tag[1].lower(), open_, out)
    out.append(to_text(raw[at:]))
    out += [f"</{name}>" for name in reversed(open_)]
    lines = "".join(out).split("\n")
    return "\n".join(line for line in lines if line.strip())


def _apply_tag(tag: str, open_: list[str], out: list[str]) -> None:
    """Open or close b, i or u; tags opened after a closed one are closed and reopened."""
    name = tag.strip("</>")
    if not tag.startswith("</"):
        if name not in open_:
            open_.append(name)
            out.append(tag)
        return
    if name not in open_:
        return
    inner = open_[open_.index(name) + 1 :]
    out += [f"</{each}>" for each in reversed(inner)] + [tag] + [f"<{each}>" for each in inner]
    open_.remove(name)


def _escape(text: str) -> str:
    return escape(_CONTROL.sub("", text), quote=False)
