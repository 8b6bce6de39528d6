"""A stream of 12 s that violates no rule: H.264 and AV1 in SDR, HEVC in HDR, audio and subtitles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Self

from eddyline.core.errors import MissingError
from eddyline.media.streaming.validation.files import LocalFiles, OutsideError
from eddyline.media.streaming.validation.load import load_stream
from eddyline.media.streaming.validation.measure import track_name
from eddyline.media.streaming.validation.stream_model import (
    MeasuredSegment,
    MeasuredTrack,
    SampleEntry,
    Stream,
)
from eddyline.store.ranges import Ranges

MASTER, MPD = "master.m3u8", "manifest.mpd"
SECONDS, TARGET = 12, 6
AUDIO_RATE, TEXT_RATE, IFRAME_RATE = 128_000, 1_000, 80_000  # bit/s
FRAME = Fraction(1, 30)


@dataclass(frozen=True)
class Rung:
    """A variant: directory, codec, dynamic range, size, bit/s of the video, id of its adaptation set."""

    name: str
    codec: str
    dynamic: str
    width: int
    height: int
    rate: int
    group: int


RUNGS = (
    Rung("h360", "avc1.64001e", "SDR", 640, 360, 1_880_000, 0),
    Rung("h720a", "avc1.64001f", "SDR", 1280, 720, 3_000_000, 0),
    Rung("h720b", "avc1.64001f", "SDR", 1280, 720, 2_400_000, 0),
    Rung("p360", "hvc1.2.4.L63.90", "PQ", 640, 360, 1_200_000, 1),
    Rung("p720", "hvc1.2.4.L93.90", "PQ", 1280, 720, 2_000_000, 1),
    Rung("a360", "av01.0.01M.08", "SDR", 640, 360, 900_000, 2),
    Rung("a720", "av01.0.05M.08", "SDR", 1280, 720, 1_500_000, 2),
)
TRANSFER = {"SDR": 1, "PQ": 16}


class TextFiles:
    """Files in memory, resolved as those of a directory."""

    sizes_are_cheap = True

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def resolve(self, base: str, uri: str) -> str:
        return LocalFiles.resolve(self, base, uri)  # type: ignore[arg-type]

    def open(self, name: str) -> Ranges:
        if name not in self._files:
            raise MissingError(f"{name} does not exist")
        if name.startswith("outside"):
            raise OutsideError(f"{name} leads out")
        return BytesRanges(self._files[name])

    def size(self, name: str) -> int:
        with self.open(name) as opened:
            return opened.size


class BytesRanges:
    """Bytes as a file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.bytes_read = self.requests = 0

    @property
    def size(self) -> int:
        return len(self._data)

    def read(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def good_files() -> dict[str, str]:
    """All playlists and the MPD by name."""
    files = {MASTER: _master(), MPD: _mpd(), "audio/main.m3u8": _media()}
    for rung in RUNGS:
        files[f"{rung.name}/main.m3u8"] = _media()
        files[f"{rung.name}/iframes.m3u8"] = _iframes()
    files["subtitles/main.m3u8"] = (
        f"#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{SECONDS}\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        f"#EXTINF:{SECONDS}.000000,\nsubtitles.vtt\n#EXT-X-ENDLIST\n"
    )
    return files


def load(files: Mapping[str, str | bytes], manifests: tuple[str, ...] = (MASTER, MPD)) -> Stream:
    """The stream of these files, without measurements."""
    data = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    return load_stream(TextFiles(data), manifests)


def measured(stream: Stream) -> Stream:
    """The stream with the measurements that agree with the good manifests."""
    tracks = {}
    for rung in RUNGS:
        video = _track(rung.rate, _entry(rung), FRAME)
        tracks[f"{rung.name}/main.m3u8"] = video
        tracks[f"{rung.name}/iframes.m3u8"] = _iframe_track(_entry(rung))
    audio = SampleEntry(codec="mp4a.40.2", kind="audio")
    tracks["audio/main.m3u8"] = _track(AUDIO_RATE, audio, Fraction(1024, 48_000))
    tracks["subtitles/main.m3u8"] = MeasuredTrack(sizes=(TEXT_RATE * SECONDS // 8,), text_map=True)
    if stream.mpd is not None:
        for each in stream.mpd.representations:
            key = f"{each.segments.init.partition('/')[0]}/main.m3u8"
            tracks[track_name(stream.mpd, each)] = tracks[key] if key in tracks else MeasuredTrack()
    known = {name: track for name, track in tracks.items() if name in stream.media or "#" in name}
    return replace(stream, tracks=known)


def _entry(rung: Rung) -> SampleEntry:
    return SampleEntry(
        codec=rung.codec,
        kind="video",
        width=rung.width,
        height=rung.height,
        display=(rung.width, rung.height),
        transfer=TRANSFER[rung.dynamic],
        static_hdr=rung.dynamic == "PQ",
    )


def _track(rate: int, entry: SampleEntry, frame: Fraction) -> MeasuredTrack:
    segments = tuple(
        MeasuredSegment(
            index=index,
            frames=round(TARGET / frame),
            start=Fraction(index * TARGET),
            end=Fraction((index + 1) * TARGET),
            decode_start=Fraction(index * TARGET),
            decode_end=Fraction((index + 1) * TARGET),
            keyframe_interval=Fraction(1),
            frame=frame,
            longest=frame,
        )
        for index in range(SECONDS // TARGET)
    )
    sizes = tuple(rate * TARGET // 8 for _ in segments)
    return MeasuredTrack(sizes=sizes, entries=(entry,), segments=segments)


def _iframe_track(entry: SampleEntry) -> MeasuredTrack:
    segments = tuple(
        MeasuredSegment(
            index=index,
            frames=1,
            start=Fraction(index),
            end=index + FRAME,
            keyframe_interval=FRAME,
            frame=FRAME,
            longest=FRAME,
        )
        for index in range(SECONDS)
    )
    sizes = tuple(IFRAME_RATE // 8 for _ in segments)
    return MeasuredTrack(sizes=sizes, entries=(entry,), segments=segments)


def _master() -> str:
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:6",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-SESSION-DATA:DATA-ID="com.example.title",VALUE="A ride"',
        (
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,'
            'CHANNELS="2",URI="audio/main.m3u8"'
        ),
        (
            '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",NAME="English",LANGUAGE="en",DEFAULT=NO,'
            'AUTOSELECT=YES,FORCED=NO,URI="subtitles/main.m3u8"'
        ),
    ]
    for rung in RUNGS:
        rate = rung.rate + AUDIO_RATE + TEXT_RATE
        lines += [
            (
                f"#EXT-X-STREAM-INF:BANDWIDTH={rate},AVERAGE-BANDWIDTH={rate},"
                f'CODECS="{rung.codec},mp4a.40.2,wvtt",RESOLUTION={rung.width}x{rung.height},'
                f'FRAME-RATE=30.000,VIDEO-RANGE={rung.dynamic},AUDIO="audio",SUBTITLES="text",'
                "CLOSED-CAPTIONS=NONE"
            ),
            f"{rung.name}/main.m3u8",
        ]
    for rung in RUNGS:
        lines.append(
            f"#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={IFRAME_RATE},AVERAGE-BANDWIDTH={IFRAME_RATE},"
            f'CODECS="{rung.codec}",RESOLUTION={rung.width}x{rung.height},VIDEO-RANGE={rung.dynamic},'
            f'URI="{rung.name}/iframes.m3u8"'
        )
    return "\n".join(lines) + "\n"


def _media() -> str:
    segments = "".join(f"#EXTINF:{TARGET}.000000,\n{number:05}.m4s\n" for number in (1, 2))
    return (
        f"#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{TARGET}\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        f'#EXT-X-MAP:URI="init.mp4"\n{segments}#EXT-X-ENDLIST\n'
    )


def _iframes() -> str:
    size = IFRAME_RATE // 8
    rows = "".join(
        f"#EXTINF:1.000000,\n#EXT-X-BYTERANGE:{size}@{1000 + size * (second % TARGET)}\n"
        f"{second // TARGET + 1:05}.m4s\n"
        for second in range(SECONDS)
    )
    return (
        f"#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{TARGET}\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        f'#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP:URI="init.mp4"\n{rows}#EXT-X-ENDLIST\n'
    )


def _mpd() -> str:
    sets = "".join(_video_set(group) for group in range(3))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"'
        ' profiles="urn:mpeg:dash:profile:isoff-live:2011" minBufferTime="PT2S" type="static"'
        f' mediaPresentationDuration="PT{SECONDS}S" maxSegmentDuration="PT{SECONDS}S">\n'
        f' <Period id="0" start="PT0S">\n{sets}'
        '  <AdaptationSet id="3" contentType="audio" lang="en" startWithSAP="1" segmentAlignment="true">\n'
        f'   <Representation id="audio" bandwidth="{AUDIO_RATE}" codecs="mp4a.40.2" mimeType="audio/mp4"'
        ' audioSamplingRate="48000">\n    <AudioChannelConfiguration'
        ' schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>\n'
        f"{_template('audio')}   </Representation>\n  </AdaptationSet>\n"
        '  <AdaptationSet id="4" contentType="text" lang="en" segmentAlignment="true">\n'
        "   <Label>English</Label>\n"
        '   <Role schemeIdUri="urn:mpeg:dash:role:2011" value="subtitle"/>\n'
        '   <Representation id="text" bandwidth="1000" codecs="wvtt" mimeType="application/mp4">\n'
        '    <SegmentTemplate timescale="1000" initialization="dash-text/init.mp4"'
        ' media="dash-text/$Number$.m4s" startNumber="1">\n'
        f'     <SegmentTimeline><S t="0" d="{SECONDS * 1000}"/></SegmentTimeline>\n'
        "    </SegmentTemplate>\n   </Representation>\n  </AdaptationSet>\n"
        " </Period>\n</MPD>\n"
    )


def _video_set(group: int) -> str:
    rungs = [rung for rung in RUNGS if rung.group == group]
    rows = "".join(
        f'   <Representation id="{rung.name}" bandwidth="{rung.rate}" codecs="{rung.codec}"'
        f' mimeType="video/mp4" sar="1:1" width="{rung.width}" height="{rung.height}">\n'
        f"{_template(rung.name)}   </Representation>\n"
        for rung in rungs
    )
    role = '   <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>\n' if group == 0 else ""
    return (
        f'  <AdaptationSet id="{group}" contentType="video" startWithSAP="1" maxWidth="1280" maxHeight="720"'
        ' frameRate="30" segmentAlignment="true" par="16:9">\n'
        '   <SupplementalProperty schemeIdUri="urn:mpeg:mpegB:cicp:TransferCharacteristics"'
        f' value="{TRANSFER[rungs[0].dynamic]}"/>\n{role}{rows}  </AdaptationSet>\n'
    )


def _template(name: str) -> str:
    return (
        f'    <SegmentTemplate timescale="30000" initialization="{name}/init.mp4"'
        f' media="{name}/$Number%05d$.m4s" startNumber="1">\n'
        f'     <SegmentTimeline><S t="0" d="{TARGET * 30000}" r="1"/></SegmentTimeline>\n'
        "    </SegmentTemplate>\n"
    )
