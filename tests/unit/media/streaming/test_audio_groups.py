"""The groups of audio in the master playlist, and the names of audio in the MPD."""

from __future__ import annotations

import re

import numpy as np
import pytest

from eddyline.media.streaming.audio_groups import audio_names, with_audio_groups, with_audio_labels
from eddyline.media.streaming.elementary_streams import AudioDescription, ElementaryStream
from eddyline.media.streaming.timeline import Timeline

PACKETS = Timeline(pts=np.arange(3), end=3, timescale=1)
MASTER = """#EXTM3U

#EXT-X-INDEPENDENT-SEGMENTS

#EXT-X-MEDIA:TYPE=AUDIO,URI="audio-1/main.m3u8",GROUP-ID="audio",NAME="audio-1",DEFAULT=NO
#EXT-X-MEDIA:TYPE=AUDIO,URI="audio-2/main.m3u8",GROUP-ID="audio",NAME="audio-2",DEFAULT=NO

#EXT-X-STREAM-INF:BANDWIDTH=2,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,AUDIO="audio"
large/main.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.64001e,mp4a.40.2",RESOLUTION=320x180,AUDIO="audio"
small/main.m3u8

#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,CODECS="avc1.64001e",URI="small/iframes.m3u8"
"""


def described(track: int, variant: str = "", *, language: str = "und", label: str = "") -> ElementaryStream:
    name = "-".join(each for each in (f"audio-{track + 1}", variant) if each)
    channels = 6 if variant == "surround" else 2
    audio = AudioDescription(
        track=track,
        variant=variant,
        codec="aac",
        channels=channels,
        language=language,
        label=label,
        packets=PACKETS,
        priming=1,
    )
    return ElementaryStream(name=name, path="", kind="audio", audio=audio)


def media(text: str) -> list[tuple[str, ...]]:
    names = ("GROUP-ID", "URI", "LANGUAGE", "NAME", "DEFAULT", "AUTOSELECT", "CHANNELS")
    found = []
    for line in re.findall(r"(?m)^#EXT-X-MEDIA:(.*)$", text):
        values = [re.search(rf'(?:^|,){name}="?([^",]*)', line) for name in names]
        found.append(tuple(each[1] if each else "" for each in values))
    return found


def test_one_group_has_all_tracks_and_the_first_is_the_default() -> None:
    text = with_audio_groups(MASTER, [described(0, language="eng"), described(1)])
    assert media(text) == [
        ("audio", "audio-1/main.m3u8", "en", "Audio 1 (eng)", "YES", "YES", "2"),
        ("audio", "audio-2/main.m3u8", "und", "Audio 2", "NO", "YES", "2"),
    ]
    assert re.sub("(?m)^#EXT-X-MEDIA.*$", "", text) == re.sub("(?m)^#EXT-X-MEDIA.*$", "", MASTER)


def test_a_second_group_has_the_same_members_and_all_variants_again() -> None:
    streams = [described(0, language="eng"), described(0, "surround", language="eng"), described(1)]
    text = with_audio_groups(MASTER, streams)
    found = media(text)
    assert [(group, uri, channels) for group, uri, *_, channels in found] == [
        ("audio", "audio-1/main.m3u8", "2"),
        ("audio", "audio-2/main.m3u8", "2"),
        ("audio-surround", "audio-1-surround/main.m3u8", "6"),
        ("audio-surround", "audio-2/main.m3u8", "2"),
    ]
    assert [each[2:6] for each in found[:2]] == [each[2:6] for each in found[2:]]
    variants = re.findall(r'(?m)^#EXT-X-STREAM-INF:.*AUDIO="([^"]*)"\n(.*)$', text)
    assert variants == [
        ("audio", "large/main.m3u8"),
        ("audio", "small/main.m3u8"),
        ("audio-surround", "large/main.m3u8"),
        ("audio-surround", "small/main.m3u8"),
    ]
    assert text.count("#EXT-X-I-FRAME-STREAM-INF") == 1


def test_a_repeated_language_is_selected_by_users_only() -> None:
    text = with_audio_groups(MASTER, [described(n, language=code) for n, code in enumerate(("ger", "deu"))])
    assert [each[2:6] for each in media(text)] == [
        ("de", "Audio 1 (ger)", "YES", "YES"),
        ("de", "Audio 2 (deu)", "NO", "NO"),
    ]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("Wind", "Wind", "Wind"), ["Wind", "Wind 2", "Wind 3"]),
        (("", "Audio 1", ""), ["Audio 1", "Audio 1 2", "Audio 3"]),
        (('say "x"\nEXT-X', "\u202e\x00", "x" * 99), ["say xEXT-X", "Audio 2", "x" * 60]),
    ],
)
def test_names_are_unique_and_printable(labels: tuple[str, ...], expected: list[str]) -> None:
    streams = [described(number, label=label) for number, label in enumerate(labels)]
    names = audio_names([each.audio for each in streams if each.audio])
    assert [names[number] for number in range(3)] == expected


def test_adaptation_sets_have_names_and_languages() -> None:
    mpd = "".join(
        f'<AdaptationSet id="{n}" contentType="audio" lang="xx" startWithSAP="1">\n<Label>{name}</Label>'
        f'<SegmentTemplate initialization="{name}/init.mp4"/></AdaptationSet>'
        for n, name in enumerate(("audio-1", "audio-1-surround", "other"))
    )
    streams = [
        described(0, language="fre", label="<&>"),
        described(0, "surround", language="fre", label="<&>"),
    ]
    text = with_audio_labels(mpd, streams)
    assert re.findall(r"<Label>(.*?)</Label>", text) == ["&lt;&amp;&gt;", "&lt;&amp;&gt;, surround", "other"]
    assert re.findall(r' lang="(.*?)"', text) == ["fr", "fr", "xx"]


def test_a_stream_without_audio_is_unchanged() -> None:
    assert with_audio_groups(MASTER, []) == MASTER
    assert with_audio_labels("<MPD/>", []) == "<MPD/>"
