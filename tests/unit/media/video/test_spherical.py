"""Spherical metadata: both versions are read, scaled for renditions, and added to packaged streams."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.unit.media.displayed_frames import encode_source
from tests.unit.mp4.matrices import EIGHT, fixed, set_matrices, with_track_boxes
from tests.unit.mp4.movies import Bytes

from eddyline.media.streaming.elementary_streams import ElementaryStream
from eddyline.media.streaming.stream_spherical import add_spherical, with_layouts
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.spherical import (
    CUBEMAP,
    EQUIRECTANGULAR,
    HALF_EQUIRECTANGULAR,
    MESH,
    OTHER,
    RECTANGULAR,
    SphericalMetadata,
    read_spherical,
    rendition_metadata,
    video_layout,
)
from eddyline.mp4.boxes import make_box
from eddyline.mp4.entries.spherical import v1_box, v2_boxes, with_v2
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Samples, Track
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack

QUARTER = 1 << 30


def full(kind: str, body: bytes) -> bytes:
    return make_box(kind, bytes(4) + body)


def st3d(stereo: int) -> bytes:
    return full("st3d", bytes([stereo]))


def sv3d(projection: bytes) -> bytes:
    proj = make_box("proj", full("prhd", struct.pack(">3i", 90 << 16, -5 << 16, 0)) + projection)
    return make_box("sv3d", full("svhd", b"camera\0") + proj)


def equi(*bounds: int) -> bytes:
    return full("equi", struct.pack(">4I", *(bounds or (0, 0, 0, 0))))


def cbmp(padding: int) -> bytes:
    return full("cbmp", struct.pack(">2I", 0, padding))


def xml(**tags: object) -> bytes:
    values = {"Spherical": "true", "Stitched": "true", "ProjectionType": "equirectangular", **tags}
    inner = "".join(f"<GSpherical:{name}>{value}</GSpherical:{name}>" for name, value in values.items())
    return f"<rdf:SphericalVideo>{inner}</rdf:SphericalVideo>".encode()


def stsd(*boxes: bytes) -> bytes:
    entry = make_box("avc1", bytes(24) + struct.pack(">HH", 3840, 1920) + bytes(50) + b"".join(boxes))
    return full("stsd", struct.pack(">I", 1) + entry)


def track(*boxes: bytes, v1: tuple[bytes, ...] = ()) -> Track:
    none = np.zeros(0, np.int64)
    samples = Samples(
        offset=none, size=none, dts=none, pts=none, duration=none, sync=none.astype(bool),
        description=none.astype(np.int32),
    )  # fmt: skip
    return Track(
        number=1, kind="video", handler="vide", name="", timescale=30, duration=0, format="avc1",
        stsd=stsd(*boxes), media_header=b"", samples=samples, spherical=tuple(map(v1_box, v1)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("source", "projection", "stereo", "layout"),
    [
        (track(st3d(0), sv3d(equi())), EQUIRECTANGULAR, 0, "PROJ-EQUI"),
        (track(sv3d(equi())), EQUIRECTANGULAR, 0, "PROJ-EQUI"),
        (track(st3d(1), sv3d(equi())), EQUIRECTANGULAR, 1, "CH-STEREO/PROJ-EQUI"),
        (track(st3d(2), sv3d(equi(0, 0, QUARTER, QUARTER))), HALF_EQUIRECTANGULAR, 2, "CH-STEREO/PROJ-HEQU"),
        (track(sv3d(equi(QUARTER, 0, 0, 0))), OTHER, 0, None),
        (track(sv3d(cbmp(0))), CUBEMAP, 0, None),
        (track(sv3d(full("mshp", bytes(12)))), MESH, 0, None),
        (track(sv3d(b"")), OTHER, 0, None),
        (track(make_box("sv3d", b"\xff\xff\xff\xffproj")), OTHER, 0, None),
        (track(st3d(2)), RECTANGULAR, 2, None),
        (track(v1=(xml(),)), EQUIRECTANGULAR, 0, "PROJ-EQUI"),
        (track(v1=(xml(StereoMode="top-bottom"),)), EQUIRECTANGULAR, 1, "CH-STEREO/PROJ-EQUI"),
        (track(v1=(xml(ProjectionType="fisheye"),)), OTHER, 0, None),
        (track(st3d(2), sv3d(cbmp(0)), v1=(xml(),)), CUBEMAP, 2, None),
    ],
)
def test_both_versions_have_projection_and_stereo_mode(
    source: Track, projection: str, stereo: int, layout: str | None
) -> None:
    found = read_spherical(source)
    assert found is not None
    assert (found.projection, found.stereo, video_layout(found)) == (projection, stereo, layout)


@pytest.mark.parametrize("source", [track(), track(st3d(0)), track(v1=(xml(Spherical="false"),))])
def test_ordinary_video_has_no_spherical_metadata(source: Track) -> None:
    assert read_spherical(source) is None


CROPPED = {
    "FullPanoWidthPixels": 3840, "FullPanoHeightPixels": 1920, "CroppedAreaImageWidthPixels": 1920,
    "CroppedAreaImageHeightPixels": 1920, "CroppedAreaLeftPixels": 960, "CroppedAreaTopPixels": 0,
}  # fmt: skip


def require_spherical(source: Track) -> SphericalMetadata:
    found = read_spherical(source)
    assert found is not None
    return found


def test_v1_is_scaled_to_the_rendition_and_v2_is_added() -> None:
    boxes, entry = rendition_metadata(
        require_spherical(track(v1=(xml(**CROPPED, SourceCount=6),))), (1920, 1920), (720, 720)
    )
    scaled = {name: round(value * 720 / 1920) for name, value in CROPPED.items()}
    assert boxes == (v1_box(xml(**scaled, SourceCount=6)),)
    again = require_spherical(track(*entry))
    assert (again.projection, again.bounds) == (HALF_EQUIRECTANGULAR, (0, 0, QUARTER, QUARTER))
    assert again.v2 == v2_boxes(stsd(*entry)) == entry


def test_v2_keeps_its_bounds_and_pose_and_v1_is_added() -> None:
    source = track(st3d(1), sv3d(equi(0, 0, QUARTER, QUARTER)))
    boxes, entry = rendition_metadata(require_spherical(source), (3840, 1920), (1280, 640))
    assert entry == v2_boxes(source.stsd)
    again = require_spherical(track(v1=(boxes[0][24:],)))
    assert (again.projection, again.stereo, again.bounds) == (
        HALF_EQUIRECTANGULAR,
        1,
        (0, 0, QUARTER, QUARTER),
    )
    assert b"<GSpherical:FullPanoWidthPixels>2560<" in boxes[0]


def test_a_cubemaps_padding_is_scaled_and_it_has_no_v1() -> None:
    boxes, entry = rendition_metadata(
        require_spherical(track(st3d(0), sv3d(cbmp(30)))), (3840, 1920), (1280, 640)
    )
    assert (boxes, entry) == ((), (st3d(0), sv3d(cbmp(10))))


def test_boxes_replace_only_those_of_the_same_kind() -> None:
    colour = make_box("colr", b"nclx" + bytes(7))
    replaced = with_v2(stsd(colour, st3d(2)), (st3d(0), sv3d(equi())))
    assert replaced == stsd(colour, st3d(0), sv3d(equi()))
    assert with_v2(replaced, ()) == replaced


def read_track(path: Path) -> Track:
    return read_movie(Bytes(path.read_bytes())).tracks[0]


def write_track(out: Path, source: Track) -> Path:
    plain = OutputTrack(
        handler="vide", name="", timescale=30, stsd=source.stsd, media_header=make_box("vmhd", bytes(12)),
        boxes=source.spherical, pieces=(), duration=np.zeros(0, np.int64),
    )  # fmt: skip
    write_mp4(out, [plain], timescale=30)
    return out


def test_streams_have_the_boxes_that_the_packager_drops(tmp_path: Path) -> None:
    source = track(st3d(1), sv3d(equi()), v1=(xml(),))
    for name in ("720p", "360p"):
        (tmp_path / name).mkdir()
        write_track(tmp_path / name / "init.mp4", track())
    master = tmp_path / "master.m3u8"
    master.write_text("#EXTM3U\n\n#EXT-X-STREAM-INF:BANDWIDTH=1\n720p/main.m3u8\n", "utf-8")
    inputs = [ElementaryStream(name=name, path="", kind="video", track=source) for name in ("720p", "360p")]
    add_spherical(tmp_path, master, [*inputs, ElementaryStream(name="audio-1", path="", kind="audio")])
    for name in ("720p", "360p"):
        assert read_spherical(read_track(tmp_path / name / "init.mp4")) == read_spherical(source)
    assert 'REQ-VIDEO-LAYOUT="CH-STEREO/PROJ-EQUI"\n720p' in master.read_text("utf-8")


def test_streams_of_ordinary_video_are_unchanged(tmp_path: Path) -> None:
    (tmp_path / "720p").mkdir()
    init = write_track(tmp_path / "720p" / "init.mp4", track())
    before = init.read_bytes()
    add_spherical(
        tmp_path,
        tmp_path / "master.m3u8",
        [ElementaryStream(name="720p", path="", kind="video", track=track())],
    )
    assert init.read_bytes() == before
    assert not (tmp_path / "master.m3u8").exists()


def test_variants_state_their_layout() -> None:
    text = (
        '#EXTM3U\n\n#EXT-X-MEDIA:TYPE=AUDIO,URI="audio-1/main.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="audio"\n720p/main.m3u8\n'
        "#EXT-X-STREAM-INF:BANDWIDTH=2\nother/main.m3u8\n"
        '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=3,URI="720p/iframes.m3u8"\n'
    )
    assert with_layouts(text, {"720p": "PROJ-EQUI"}) == (
        '#EXTM3U\n#EXT-X-VERSION:12\n\n#EXT-X-MEDIA:TYPE=AUDIO,URI="audio-1/main.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="audio",REQ-VIDEO-LAYOUT="PROJ-EQUI"\n720p/main.m3u8\n'
        "#EXT-X-STREAM-INF:BANDWIDTH=2\nother/main.m3u8\n"
        '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=3,URI="720p/iframes.m3u8",REQ-VIDEO-LAYOUT="PROJ-EQUI"\n'
    )


@pytest.mark.parametrize("orientation", ["unrotated", "rotated by 90", "mirrored"])
def test_a_rotated_source_drops_its_spherical_metadata(
    orientation: str, ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    plain, boxed = tmp_path / "plain.mp4", tmp_path / "boxed.mp4"
    argv = [ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x80:r=10:d=0.3", f"{plain}"]
    subprocess.run(argv, check=True, timeout=30)
    with_track_boxes(plain, boxed, v1_box(xml()))
    result = encode_source(
        set_matrices(boxed, tmp_path / "a.mp4", fixed(EIGHT[orientation])), tools, tmp_path
    )
    omitted = [each for each in result.facts.left_out if each.kind == "spherical"]
    if orientation == "unrotated":
        assert (result.facts.video.projection, omitted) == (EQUIRECTANGULAR, [])
    else:
        assert result.facts.video.projection == ""
        assert [each.what for each in omitted] == ["spherical metadata (equirectangular)"]
