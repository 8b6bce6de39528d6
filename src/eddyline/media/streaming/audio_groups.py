"""Groups, names and languages of audio in the master playlist and the MPD.

A group has one rendition of each track of the source, so that a player can select a language and a number of
channels independently. All groups have the same members, equal but for CHANNELS and URI (RFC 8216 section
4.3.4.1.1): a track without surround is in the group of surround with its stereo. Every variant is listed
once for each group, the first group (stereo AAC) before the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path, PurePosixPath
from typing import Final

from eddyline.media.audio.renditions import fallback_variant
from eddyline.media.languages import language_tag
from eddyline.media.streaming.elementary_streams import AudioDescription, ElementaryStream
from eddyline.media.streaming.playlist_lines import attributes

PACKAGER_GROUP: Final = "audio"
"""The group into which the packager puts all audio."""

FIRST_GROUP: Final = "audio"
"""The group of stereo (or mono) AAC."""

_MASTER, _MPD = "master.m3u8", "manifest.mpd"
_MEDIA = re.compile(r"(?m)^#EXT-X-MEDIA:(?=[^\n]*TYPE=AUDIO)[^\n]*\n")
_VARIANT = re.compile(r"(?m)^#EXT-X-STREAM-INF:([^\n]*)\n([^\n]*)\n")
_SET = re.compile(r"<AdaptationSet\b[^>]*>.*?</AdaptationSet>", re.DOTALL)
_INIT = re.compile(r'initialization="([^"]*)"')
_LABEL = re.compile(r"<Label>[^<]*</Label>")
_LANGUAGE = re.compile(r' lang="[^"]*"')
_CODEC_STRINGS: Final = {"aac": "mp4a.40.2", "opus": "Opus"}
_MAX_NAME: Final = 60


def write_audio_groups(stream: Path, inputs: Sequence[ElementaryStream]) -> None:
    """Write the groups to the master playlist, and names and languages to the MPD of a packaged stream."""
    master, mpd = stream / _MASTER, stream / _MPD
    master.write_text(with_audio_groups(master.read_text("utf-8"), inputs), "utf-8")
    mpd.write_text(with_audio_labels(mpd.read_text("utf-8"), inputs), "utf-8")


def with_audio_groups(text: str, inputs: Sequence[ElementaryStream]) -> str:
    """The packager's master playlist with a group for each variant of the audio in `inputs`."""
    audio = {each.name: each.audio for each in inputs if each.audio is not None}
    if not audio:
        return text
    groups = _groups(audio)
    first = _MEDIA.search(text)
    if first is None:
        return text
    head, rest = text[: first.start()], _MEDIA.sub("", text[first.start() :])
    lines = [line for group, members in groups.items() for line in _media_lines(group, members, audio)]
    found = list(_VARIANT.finditer(rest))
    variants = [
        _with_group(each[1], each[2], group, [audio[name] for name in members])
        for group, members in groups.items()
        for each in found
    ]
    start, end = found[0].start(), found[-1].end()
    return head + "".join(lines) + rest[:start] + "".join(variants) + rest[end:]


def audio_names(audio: Sequence[AudioDescription]) -> dict[int, str]:
    """The unique name of each track by its number: its label, or "Audio 1 (eng)"."""
    names: dict[int, str] = {}
    for each in sorted(audio, key=lambda each: each.track):
        if each.track not in names:
            names[each.track] = _unique(_name(each), names.values())
    return names


def with_audio_labels(text: str, inputs: Sequence[ElementaryStream]) -> str:
    """The MPD with the name and the language (RFC 5646) of each audio adaptation set."""
    audio = {each.name: each.audio for each in inputs if each.audio is not None}
    names = audio_names(list(audio.values()))

    def replace(found: re.Match[str]) -> str:
        init = _INIT.search(found[0])
        described = audio.get(PurePosixPath(init[1]).parent.name) if init else None
        if described is None:
            return found[0]
        variant = described.variant.replace("-", ", ")
        label = ", ".join(part for part in (names[described.track], variant) if part)
        tag = language_tag(described.language)
        element = _LABEL.sub(lambda _: f"<Label>{escape(label, quote=False)}</Label>", found[0], count=1)
        element = _LANGUAGE.sub("", element, count=1)
        # The packager writes "opus", but the sample entry is "Opus" (RFC 6381 section 3.3).
        element = element.replace('codecs="opus"', f'codecs="{_CODEC_STRINGS["opus"]}"')
        return element.replace('contentType="audio"', f'contentType="audio" lang="{tag}"', 1)

    return _SET.sub(replace, text)


def _groups(audio: dict[str, AudioDescription]) -> dict[str, list[str]]:
    """The streams of each group, one of each track; the group without a variant is first."""
    by_variant: dict[str, dict[int, str]] = {"": {}}
    for name, each in audio.items():
        by_variant.setdefault(each.variant, {})[each.track] = name
    tracks = sorted({each.track for each in audio.values()})
    return {
        "-".join(each for each in (FIRST_GROUP, variant) if each): [
            members.get(track) or by_variant[fallback_variant(variant)][track] for track in tracks
        ]
        for variant, members in by_variant.items()
    }


def _media_lines(group: str, members: Sequence[str], audio: dict[str, AudioDescription]) -> Iterator[str]:
    """The EXT-X-MEDIA tags of a group: the first is the default, the first of each language is selectable.

    A second track of the same language is selected by users only (section 4.3.4.1: AUTOSELECT).
    """
    names, languages = audio_names(list(audio.values())), set[str]()
    for place, member in enumerate(members):
        each = audio[member]
        tag = language_tag(each.language)
        selected = f"DEFAULT={'NO' if place else 'YES'},AUTOSELECT={'NO' if tag in languages else 'YES'}"
        languages.add(tag)
        yield (
            f'#EXT-X-MEDIA:TYPE=AUDIO,URI="{member}/main.m3u8",GROUP-ID="{group}",LANGUAGE="{tag}",'
            f'NAME="{names[each.track]}",{selected},CHANNELS="{each.channels}"\n'
        )


def _with_group(variant: str, uri: str, group: str, members: Sequence[AudioDescription]) -> str:
    """An EXT-X-STREAM-INF tag and its URI, with the group and the codecs of its members."""
    video = [each for each in attributes(variant).get("CODECS", "").split(",") if not _is_audio(each)]
    codecs = ",".join([*video, *dict.fromkeys(_CODEC_STRINGS[each.codec] for each in members)])
    text = re.sub(r'CODECS="[^"]*"', f'CODECS="{codecs}"', variant)
    text = re.sub(r'AUDIO="[^"]*"', f'AUDIO="{group}"', text)
    return f"#EXT-X-STREAM-INF:{text}\n{uri}\n"


def _is_audio(codec: str) -> bool:
    return codec.partition(".")[0].lower() in {"mp4a", "opus"}


def _name(each: AudioDescription) -> str:
    label = "".join(char for char in each.label if char.isprintable() and char != '"').strip()[:_MAX_NAME]
    language = "" if each.language == "und" else f" ({each.language})"
    return label or f"Audio {each.track + 1}{language}"


def _unique(name: str, others: Iterable[str]) -> str:
    taken, candidate, number = set(others), name, 2
    while candidate in taken:
        candidate, number = f"{name} {number}", number + 1
    return candidate
