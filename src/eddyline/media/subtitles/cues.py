"""Subtitle cues: read from SubRip text as FFmpeg writes it, made harmless, and written as WebVTT.

Every text format that FFmpeg decodes can be written as SubRip, in milliseconds and with the markup of bold,
italic and underlined text. That markup is kept; all else in a cue is text, whatever it looks like.
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
_TOGETHER: Final = 6
MAX_CUE_LENGTH: Final = 2_400  # characters: six at once, of 4 bytes each, fit a sample of tx3g

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
    and no line of it is empty. `top` asks for the top of the video instead of the bottom.
    """

    start: int
    end: int
    text: str
    top: bool = False


@dataclass(frozen=True, kw_only=True)
class Subtitles:
    """One subtitle track: `language` ISO 639-2 ("und" where unknown), cues in order of their starts.

    `default`: players show it unless the viewer chooses otherwise. `forced`: it holds only what every viewer
    needs, such as translations of signs.
    """

    language: str = "und"
    title: str = ""
    default: bool = False
    forced: bool = False
    cues: tuple[Cue, ...] = ()


def parse_srt(text: str) -> tuple[Cue, ...]:
    """The cues of SubRip text as FFmpeg writes it, numbered from 1.

    A line that only looks like the start of a cue has another number, or an earlier time, and stays text.
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
    """The cues in order of their starts. Raises `InputError` as `check_overlap` does."""
    ordered = tuple(sorted(cues, key=lambda each: (each.start, each.end)))
    check_overlap(ordered)
    return ordered


def srt_cue(start: int, end: int, raw: str) -> Cue:
    """A cue of SubRip text between these milliseconds. Raises `InputError` where it is too long."""
    text = _clean(_OVERRIDE.sub("", raw), _TAG, _escaped)
    return _cue(start, end, text, len(raw), top=bool(_TOP.search(raw)))


def webvtt_cue(start: int, end: int, raw: str, *, top: bool) -> Cue:
    """A cue of WebVTT text; voices, classes and timestamps in it are left away. Raises as `srt_cue` does."""
    text = _clean(raw, _WEBVTT_TAG, lambda piece: _escaped(unescape(piece)))
    return _cue(start, end, text, len(plain_text(text)), top=top)


def _cue(start: int, end: int, text: str, length: int, *, top: bool) -> Cue:
    if length > MAX_CUE_LENGTH:
        raise InputError(
            f"a cue has {length} characters, more than {MAX_CUE_LENGTH}",
            remedy="no subtitle is that long: export the subtitles again",
        )
    # WebVTT has no cue that lasts no time.
    return Cue(start=max(start, 0), end=max(end, start + 1, 1), text=text, top=top)


def check_count(cues: int) -> None:
    """Raise `InputError` for more cues than `MAX_CUES`."""
    if cues > MAX_CUES:
        raise InputError(
            f"a subtitle track has more than {MAX_CUES} cues",
            remedy="remove the subtitle track, or divide the recording",
        )


def to_webvtt(cues: Iterable[Cue], *, header: str = "") -> str:
    """A WebVTT file; `header` are lines that follow its first one."""
    parts = [f"WEBVTT\n{header}"]
    for number, each in enumerate(cues, 1):
        settings = " line:0" if each.top else ""
        timing = f"{webvtt_timestamp(each.start)} --> {webvtt_timestamp(each.end)}{settings}"
        parts.append(f"{number}\n{timing}\n{each.text}\n")
    return "\n".join(parts)


def webvtt_timestamp(ms: int) -> str:
    """A WebVTT timestamp: "00:00:01.500"."""
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def styled_spans(text: str) -> list[tuple[str, frozenset[str]]]:
    """The plain text of a cue in pieces, each with the markup that it stands in ("b", "i", "u")."""
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
    """The text of a cue without markup."""
    return "".join(piece for piece, _ in styled_spans(text))


def visible_intervals(cues: Sequence[Cue]) -> Iterator[tuple[int, int, list[int]]]:
    """The stretches [start, end) in which something is shown, with the numbers of the cues shown in each."""
    marks = sorted({each.start for each in cues} | {each.end for each in cues})
    ends: dict[int, list[int]] = {}
    for number, each in enumerate(cues):
        ends.setdefault(each.end, []).append(number)
    shown: dict[int, None] = {}  # in order of their starts
    number = 0
    for start, end in pairwise(marks):
        for gone in ends.get(start, ()):
            shown.pop(gone, None)
        while number < len(cues) and cues[number].start <= start:
            shown[number] = None
            number += 1
        if shown:
            yield start, end, list(shown)


def flatten_cues(cues: Sequence[Cue]) -> list[tuple[int, int, str]]:
    """The cues as stretches (start, end, text) that do not overlap, for formats that show one text at a time.

    Where cues overlap, their texts stand one below the other, in order of their starts; at most
    `_TOGETHER` of them.
    """
    found = []
    for start, end, numbers in visible_intervals(cues):
        text = "\n".join(islice((cues[number].text for number in numbers if cues[number].text), _TOGETHER))
        if text:
            found.append((start, end, text))
    return found


def check_overlap(cues: Sequence[Cue]) -> None:
    """Raise `InputError` for cues so many of which are shown at once that they cannot be meant to be read."""
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


def _clean(raw: str, tags: re.Pattern[str], written: Callable[[str], str]) -> str:
    """WebVTT cue text: the markup that group 1 of `tags` finds is kept and nested properly.

    Other markup that `tags` finds is left away, and what is between becomes text as `written` writes it.
    """
    out: list[str] = []
    open_: list[str] = []
    at = 0
    for tag in tags.finditer(raw):
        out.append(written(raw[at : tag.start()]))
        at = tag.end()
        if tag[1]:
            _mark(tag[1].lower(), open_, out)
    out.append(written(raw[at:]))
    out += [f"</{name}>" for name in reversed(open_)]
    lines = "".join(out).split("\n")
    return "\n".join(line for line in lines if line.strip())


def _mark(tag: str, open_: list[str], out: list[str]) -> None:
    """Open or close one of b, i and u; what was opened since is closed and opened again."""
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


def _escaped(text: str) -> str:
    return escape(_CONTROL.sub("", text), quote=False)
