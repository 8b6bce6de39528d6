"""Planted violations of the rules of playlists."""

from __future__ import annotations

from tests.unit.media.streaming.validation.good_stream import MASTER
from tests.unit.media.streaming.validation.planted import (
    Case,
    case,
    edit,
    first,
    iframe,
    pattern_edit,
    variant,
    without_iframes,
    without_variants,
)

V, IFRAMES, TEXT = "h720a/main.m3u8", "h360/iframes.m3u8", "subtitles/main.m3u8"
AV = "[!s]*/main.m3u8"  # all media playlists but the subtitles'
AUDIO_TAG = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="English"'
SECOND = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{}",NAME="{}",LANGUAGE="en",AUTOSELECT=YES,CHANNELS="2"{}\n'
URI = ',URI="audio/main.m3u8"'
INDEPENDENT = "#EXT-X-INDEPENDENT-SEGMENTS\n"
TWO = "#EXTINF:6.000000,\n00001.m4s\n#EXTINF:6.000000,\n00002.m4s\n"
THREE = "#EXTINF:4.000000,\n00001.m4s\n#EXTINF:4.000000,\n00002.m4s\n#EXTINF:4.000000,\n00003.m4s\n"
LAST_IFRAME = r"#EXTINF:1\.000000,\n#EXT-X-BYTERANGE:10000@51000\n00002\.m4s\n(?=#EXT-X-ENDLIST)"
EVERY_SECOND_IFRAME = r"#EXTINF:1\.000000,\n([^\n]*\n[^\n]*\n)#EXTINF[^\n]*\n[^\n]*\n[^\n]*\n"

PLAYLISTS = (
    case("RFC8216-4.1", edit(V, "#EXT-X-VERSION:6\n", "#EXT-X-VERSION:6\n# \x07\n")),
    case("RFC8216-4.3.1.1", edit(V, "#EXTM3U\n", "#EXTM3U8\n")),
    case("RFC8216-4.1:kind", edit(MASTER, INDEPENDENT, INDEPENDENT + "#EXT-X-TARGETDURATION:6\n")),
    case("RFC8216-4.2", edit(MASTER, 'VALUE="A ride"', 'VALUE="A ride",VALUE="Another"')),
    case("RFC8216-4.3.1.2", edit(V, "#EXT-X-VERSION:6\n", "#EXT-X-VERSION:6\n" * 2)),
    case("RFC8216-7", edit(V, "#EXT-X-VERSION:6", "#EXT-X-VERSION:5")),
    case("RFC8216-4.3.3", edit(V, "#EXT-X-PLAYLIST-TYPE:VOD\n", "#EXT-X-PLAYLIST-TYPE:VOD\n" * 2)),
    case("RFC8216-6.2.1:playlists", edit(MASTER, '"audio/main.m3u8"', '"gone/main.m3u8"')),
    case("LIMIT-references", edit(MASTER, '"audio/main.m3u8"', '"../audio/main.m3u8"')),
)
MEDIA = (
    case("RFC8216-4.3.3.1", edit(V, "TARGETDURATION:6", "TARGETDURATION:6.5")),
    case(
        "RFC8216-4.3.3.1:rounding",
        edit(V, TWO, TWO.replace("6.0", "6.5", 1).replace("6.0", "5.5", 1)),
        also=("APPLE-8.22",),
    ),
    case("RFC8216-4.3.2.1", edit(TEXT, "#EXTINF:12.000000", "#EXTINF:-12"), also=("APPLE-5.5",)),
    case("RFC8216-4.3.2.2", edit(IFRAMES, "10000@1000\n", "10000@x\n")),
    case("RFC8216-4.3.2.2:offset", edit(IFRAMES, "10000@1000\n", "10000\n")),
    case("RFC8216-4.3.2.5", edit(V, '#EXT-X-MAP:URI="init.mp4"\n', "")),
    case("RFC8216-4.3.3.2", edit(V, "#EXT-X-ENDLIST", "#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-ENDLIST")),
    case("RFC8216-4.3.3.5", edit(V, "TYPE:VOD", "TYPE:LIVE")),
    case("APPLE-8.6", edit(V, "#EXT-X-PLAYLIST-TYPE:VOD\n", "")),
    case("RFC8216-6.2.1:end", edit(V, "#EXT-X-ENDLIST\n", "")),
    case("RFC8216-6.2.1:segments-listed", edit(TEXT, "#EXTINF:12.000000,\nsubtitles.vtt\n", "")),
    case("RFC8216-4.3.2.4", edit(V, "#EXT-X-MAP", '#EXT-X-KEY:METHOD=AES-256,URI="key"\n#EXT-X-MAP')),
    case(
        "APPLE-7.7", edit(TEXT, "TARGETDURATION:12", "TARGETDURATION:11"), also=("RFC8216-4.3.3.1:rounding",)
    ),
    case("APPLE-7.5", edit(AV, "TARGETDURATION:6", "TARGETDURATION:7")),
    case("APPLE-7.6", edit(AV, TWO, THREE)),
)
MULTIVARIANT = (
    case("RFC8216-4.3.4.2", variant("h360", ":BANDWIDTH=2009000", ":BANDWIDTH=x")),
    case("RFC8216-4.3.4.2:uri", edit(MASTER, "\nh720b/main.m3u8", "")),
    case("RFC8216-4.3.4.3", edit(MASTER, ',URI="a720/iframes.m3u8"', "")),
    case("RFC8216-4.3.4.2:groups", variant("h360", 'SUBTITLES="text"', 'SUBTITLES="other"')),
    case("RFC8216-4.3.4.2:captions", variant("h360", ",CLOSED-CAPTIONS=NONE", "")),
    case("RFC8216-4.3.4.2:values", variant("a720", "FRAME-RATE=30.000", "FRAME-RATE=30fps")),
    case(
        "RFC8216-4.3.4.2:average", variant("p720", "AVERAGE-BANDWIDTH=2129000", "AVERAGE-BANDWIDTH=2130000")
    ),
    case("RFC8216-4.3.4.3:attributes", iframe("h360", ",URI", ",FRAME-RATE=1.000,URI")),
    case("BIS-4.4.6.2", iframe("a720", "VIDEO-RANGE=SDR", "VIDEO-RANGE=HDR10")),
    case("APPLE-9.19", variant("h360", ",CLOSED", ",SCORE=1.5,CLOSED")),
    case("RFC8216-4.3.4.4", edit(MASTER, ',VALUE="A ride"', "")),
    case("APPLE-9.1", variant("h720b", 'CODECS="avc1.64001f,mp4a.40.2,wvtt",', ""), also=("APPLE-9.10",)),
    case("APPLE-9.2", variant("h720b", "RESOLUTION=1280x720,", ""), also=("APPLE-9.10",)),
    case("APPLE-9.3", iframe("a720", 'CODECS="av01.0.05M.08",', "")),
    case("APPLE-9.4", iframe("a720", "RESOLUTION=1280x720,", "")),
    case("APPLE-9.14", variant("a720", ",AVERAGE-BANDWIDTH=1629000", "")),
    case("APPLE-9.15", variant("a720", "FRAME-RATE=30.000,", "")),
    case("APPLE-9.16", variant("a720", "VIDEO-RANGE=SDR,", "")),
    case(
        "APPLE-9.11",
        edit(MASTER, INDEPENDENT, ""),
        edit("[hpa][0-9]*/main.m3u8", "#EXT-X-MAP", INDEPENDENT + "#EXT-X-MAP"),
    ),
    case("APPLE-9.12", edit(MASTER, INDEPENDENT, ""), also=("APPLE-9.11",)),
)
RENDITIONS = (
    case(
        "RFC8216-4.3.4.1",
        edit(MASTER, 'NAME="English",LANGUAGE="en",DEFAULT=YES', 'LANGUAGE="en",DEFAULT=YES'),
    ),
    case("RFC8216-4.3.4.1:uri", edit(MASTER, ',URI="subtitles/main.m3u8"', "")),
    case("RFC8216-4.3.4.1:instream", edit(MASTER, 'CHANNELS="2"', 'CHANNELS="2",INSTREAM-ID="CC1"')),
    case("RFC8216-4.3.4.1:default", edit(MASTER, "DEFAULT=YES,AUTOSELECT=YES", "DEFAULT=YES,AUTOSELECT=NO")),
    case("RFC8216-4.3.4.1:flags", edit(MASTER, "DEFAULT=NO", "DEFAULT=MAYBE")),
    case(
        "RFC8216-4.3.4.1.1:names", edit(MASTER, AUDIO_TAG, SECOND.format("audio", "English", URI) + AUDIO_TAG)
    ),
    case(
        "RFC8216-4.3.4.1.1:default",
        edit(MASTER, AUDIO_TAG, SECOND.format("audio", "Comment", URI + ",DEFAULT=YES") + AUDIO_TAG),
    ),
    case(
        "RFC8216-4.3.4.1.1:members",
        edit(MASTER, AUDIO_TAG, SECOND.format("other", "Comment", URI) + AUDIO_TAG),
    ),
    case("APPLE-8.10", edit(MASTER, 'LANGUAGE="en",DEFAULT=YES', "DEFAULT=YES")),
    case("RFC8216-4.3.4.1:language", edit(MASTER, 'LANGUAGE="en"', 'LANGUAGE="english!"')),
    case("RFC8216-4.3.4.1:channels", edit(MASTER, ',CHANNELS="2"', "")),
    case("APPLE-5.11", edit(MASTER, "AUTOSELECT=YES,FORCED=NO", "AUTOSELECT=NO,FORCED=YES")),
    case(
        "APPLE-4.6",
        edit(
            MASTER,
            "AUTOSELECT=YES,FORCED=NO",
            'AUTOSELECT=NO,FORCED=NO,CHARACTERISTICS="public.accessibility.describes-music-and-sound"',
        ),
    ),
    case("APPLE-2.3", edit(MASTER, 'CHANNELS="2"', 'CHANNELS="6"')),
    case("APPLE-2.6", variant("a720", "mp4a.40.2", "ec-3")),
    case("APPLE-9.5", variant("a720", 'AUDIO="audio",', "")),
    case("APPLE-9.7", edit(MASTER, AUDIO_TAG, SECOND.format("audio", "Comment", "") + AUDIO_TAG)),
)
LADDER = (
    case("APPLE-9.9", without_variants("h720a", "h720b", "p360", "p720", "a360", "a720")),
    case("APPLE-9.10", without_variants("h720b")),
    case(
        "APPLE-1.12",
        edit(MASTER, '"avc1.64001f,mp4a', '"hvc1.1.6.L93.90,mp4a', -1),
        edit(MASTER, '"avc1.64001e,mp4a', '"hvc1.1.6.L63.90,mp4a', -1),
    ),
    case("HLSJS-3888", first("a720")),
    case("APPLE-1.19", variant("a720", "FRAME-RATE=30.000", "FRAME-RATE=120.000"), also=("APPLE-1.18",)),
    case("APPLE-1.18", variant("a720", "FRAME-RATE=30.000", "FRAME-RATE=15.000")),
    case("APPLE-9.23", variant("a720", "FRAME-RATE=30.000", "FRAME-RATE=25.000")),
    case(
        "APPLE-1.20",
        variant("p360", "FRAME-RATE=30.000", "FRAME-RATE=60.000"),
        variant("p720", "FRAME-RATE=30.000", "FRAME-RATE=60.000"),
    ),
    case("APPLE-1.23", without_variants("a360")),
    case("APPLE-1.24", pattern_edit(MASTER, r"(#EXT-X-STREAM-INF.*)VIDEO-RANGE=SDR", r"\1VIDEO-RANGE=PQ")),
    case("APPLE-1.32", first("h720a")),
    case("APPLE-1.33", variant("h720b", "RESOLUTION=1280x720", "RESOLUTION=960x720")),
    case(
        "APPLE-1.34",
        variant("h720a", "RESOLUTION=1280x720", "RESOLUTION=3840x2160"),
        variant("h720a", "BANDWIDTH=3129000", "BANDWIDTH=20000000"),
        also=("APPLE-9.10", "APPLE-1.23"),
    ),
)
CODECS = (
    case("RFC8216-4.3.4.2:codecs", iframe("a720", "av01.0.05M.08", "av01")),
    case("APPLE-1.1", pattern_edit(MASTER, r'"av01\.0\.0[15]M\.08,mp4a', '"vp09.00.10.08,mp4a')),
    case("APPLE-1.3b", variant("h720b", "avc1.64001f", "avc1.64003e")),
    case("APPLE-1.3a", pattern_edit(MASTER, r'"avc1\.64001[ef],mp4a', '"avc1.640033,mp4a')),
    case("APPLE-1.4", variant("h720b", "avc1.64001f", "avc1.4d401f")),
    case(
        "APPLE-1.5",
        edit("p720/main.m3u8", '#EXT-X-MAP:URI="init.mp4"\n', ""),
        edit("p720/main.m3u8", ".m4s", ".ts", -1),
    ),
    case("APPLE-1.6b", iframe("p720", "hvc1.2.4.L93.90", "hvc1.2.4.L180.90")),
    case("APPLE-1.6a", pattern_edit(MASTER, r'"hvc1\.2\.4\.L\d+\.90,mp4a', '"hvc1.2.4.L150.90,mp4a')),
    case("APPLE-1.10", iframe("p720", "hvc1.2.4.L93.90", "hev1.2.4.L93.90")),
    case("APPLE-1.37", iframe("a720", "av01.0.05M.08", "av01.0.23M.08")),
    case("APPLE-5.10", variant("a720", ",wvtt", "")),
)
NAMES = ("h360", "h720a", "h720b", "p360", "p720", "a360", "a720")
IFRAME_RULES = (
    case("APPLE-6.1", without_iframes(*NAMES)),
    case("APPLE-6.2", pattern_edit(IFRAMES, EVERY_SECOND_IFRAME, r"#EXTINF:2.000000,\n\1")),
    case("APPLE-6.6", without_iframes(*(name for name in NAMES if name != "h720a"))),
    case("APPLE-6.8", edit(IFRAMES, "#EXT-X-I-FRAMES-ONLY\n", "")),
    case("RFC8216-4.3.3.6", edit("a720/main.m3u8", "#EXT-X-MAP", "#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP")),
    case("APPLE-6.14", without_iframes("h360", "h720a", "h720b")),
    case("APPLE-6.15", without_iframes("p360")),
    case("APPLE-6.16", pattern_edit(MASTER, r"(#EXT-X-I-FRAME.*)VIDEO-RANGE=SDR", r"\1VIDEO-RANGE=PQ")),
)
PRESENTATION = (
    case("APPLE-8.2", edit(V, "TARGETDURATION:6", "TARGETDURATION:7"), also=("APPLE-7.5",)),
    case("APPLE-8.3", edit(V, "#EXTINF:6.000000,\n00002", "#EXTINF:5.500000,\n00002")),
    case("APPLE-5.5", edit(TEXT, "#EXTINF:12.0", "#EXTINF:6.0")),
    case("APPLE-8.7", pattern_edit(IFRAMES, LAST_IFRAME, "")),
    case("APPLE-8.15", edit(V, "#EXTINF:6.000000,\n00002", "#EXT-X-DISCONTINUITY\n#EXTINF:6.000000,\n00002")),
    case("APPLE-8.22", edit(V, TWO, TWO.replace("6.0", "5.6", 1).replace("6.0", "6.4", 1))),
    case("APPLE-5.2", edit(TEXT, "subtitles.vtt", "subtitles.srt")),
)
CASES: tuple[Case, ...] = (
    *PLAYLISTS,
    *MEDIA,
    *MULTIVARIANT,
    *RENDITIONS,
    *LADDER,
    *CODECS,
    *IFRAME_RULES,
    *PRESENTATION,
)
