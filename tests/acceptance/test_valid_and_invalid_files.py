"""Every kind of source, valid and invalid, through the whole program in one run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

_VIDEO = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=30000/1001:d=3")
_TONE = ("-f", "lavfi", "-i", "sine=997:d=3")
_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "40")
_PQ = "log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
_PQ_TAGS = ("-color_trc", "smpte2084", "-color_primaries", "bt2020", "-colorspace", "bt2020nc")

# name -> FFmpeg's arguments
GOOD: dict[str, tuple[str, ...]] = {
    "plain.mp4": (*_VIDEO, *_TONE, *_H264),
    "transport.ts": (*_VIDEO, *_TONE, *_H264),
    "matroska.mkv": (*_VIDEO, *_TONE, *_H264),
    "quicktime.mov": (*_VIDEO, *_TONE, *_H264),
    "fragmented.mp4": (*_VIDEO, *_TONE, *_H264, "-movflags", "frag_keyframe+empty_moov"),
    "vp9.webm": (*_VIDEO, "-c:v", "libvpx-vp9", "-b:v", "300k", "-cpu-used", "8"),
    "prores.mov": (*_VIDEO, "-c:v", "prores_ks"),
    "old.avi": (*_VIDEO, "-c:v", "mpeg4"),
    "hevc10.mp4": (
        *_VIDEO,
        "-c:v",
        "libx265",
        "-x265-params",
        "log-level=error",
        "-pix_fmt",
        "yuv420p10le",
    ),
    "pq.mp4": (*_VIDEO, "-c:v", "libx265", "-x265-params", _PQ, "-pix_fmt", "yuv420p10le", *_PQ_TAGS),
    "odd-size.mp4": ("-f", "lavfi", "-i", "testsrc2=s=321x181:r=25:d=2", *_H264, "-pix_fmt", "yuv444p"),
    "one.mp4": ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=0.04", *_H264),
    "portrait120.mp4": ("-f", "lavfi", "-i", "testsrc2=s=180x320:r=120:d=2", *_H264),
    "anamorphic.mp4": (*_VIDEO, "-vf", "setsar=4/3", *_H264),
    "interlaced.mp4": (*_VIDEO, *_TONE, "-vf", "interlace", "-flags", "+ildct+ilme", *_H264),
    "variable.mp4": (*_VIDEO, "-vf", "select='not(eq(mod(n,7),3))'", "-fps_mode", "vfr", *_H264),
    "long-audio.mp4": (*_VIDEO, "-f", "lavfi", "-i", "sine=997:d=6", *_H264),
    "two-audio-tracks.mp4": (
        *(*_VIDEO, *_TONE, "-f", "lavfi", "-i", "sine=440:d=3", "-map", "0", "-map", "1", "-map", "2"),
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra", *_H264),
    ),
    "open-gop.mp4": (
        *_VIDEO,
        *_H264,
        "-preset",
        "veryfast",
        "-x264-params",
        "open-gop=1:keyint=20:bframes=3",
    ),
}
# name -> (content, a word in the reason)
BAD: dict[str, tuple[bytes, str]] = {
    "empty.mp4": (b"", "empty"),
    "text.mp4": (b"hello\n", "text"),
    "list.mp4": (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/x.ts\n", "playlist"),
    "still.mp4": (b"\xff\xd8\xff\xe0" + bytes(2000), "still"),
    "zeros.mp4": (bytes(5000), "zero"),
}


def _ffprobe(ffprobe: str, path: Path) -> dict[str, Any]:
    output = subprocess.run(
        [
            *(ffprobe, "-v", "error", "-select_streams", "v:0", "-count_frames", "-of", "json"),
            *("-show_entries", "stream=nb_read_frames,width,height,color_transfer,pix_fmt", str(path)),
        ],
        capture_output=True,
        check=True,
    )
    return dict(json.loads(output.stdout)["streams"][0])


@pytest.mark.slow
def test_every_kind_of_source_is_published_exactly_or_rejected_with_a_reason(
    tmp_path: Path, ffmpeg: str, ffprobe: str, eddyline: tuple[str, ...], small_profile: Path
) -> None:
    sources, out = tmp_path / "sources", tmp_path / "out"
    sources.mkdir()
    for name, arguments in GOOD.items():
        subprocess.run([ffmpeg, "-v", "error", "-y", *arguments, str(sources / name)], check=True)
    rotate = (
        ffmpeg,
        "-v",
        "error",
        "-y",
        "-display_rotation",
        "90",
        "-i",
        str(sources / "plain.mp4"),
        "-c",
        "copy",
    )
    subprocess.run([*rotate, str(sources / "rotated.mp4")], check=True)
    for name, (data, _) in BAD.items():
        (sources / name).write_bytes(data)
    plain = (sources / "plain.mp4").read_bytes()
    (sources / "cut.mp4").write_bytes(plain[: len(plain) // 2])
    audio_only = (ffmpeg, "-v", "error", "-y", *_TONE, "-c:a", "aac", str(sources / "audio-only.mp4"))
    subprocess.run(audio_only, check=True)

    done = subprocess.run(
        [*eddyline, "run", str(sources), "--out", str(out), "--profile", str(small_profile), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    last = json.loads(done.stdout.splitlines()[-1])
    reasons = {each["name"]: f"{each['reason']}" for each in last["failed"]}
    assert done.returncode == 1
    assert set(reasons) == {*BAD, "cut.mp4", "audio-only.mp4"}, reasons
    for name, (_, word) in BAD.items():
        assert word in reasons[name].lower(), (name, reasons[name])
    assert "missing" in reasons["cut.mp4"]
    assert "no video" in reasons["audio-only.mp4"]
    assert all(each["remedy"] for each in last["failed"])

    assert {each["name"] for each in last["assets"]} == {*GOOD, "rotated.mp4"}
    for asset in last["assets"]:
        path = Path(asset["manifest"])
        manifest = json.loads(path.read_text())
        frames = int(_ffprobe(ffprobe, sources / asset["name"])["nb_read_frames"])
        frames //= 2 if asset["name"] == "portrait120.mp4" else 1  # renditions have at most 60 frames/s
        for rendition in manifest["renditions"]:
            got = _ffprobe(ffprobe, path.parent / rendition["path"])
            assert int(got["nb_read_frames"]) == frames, (asset["name"], rendition["name"])
            assert (got["width"], got["height"]) == (rendition["width"], rendition["height"])
            assert got["pix_fmt"] == "yuv420p"
            assert got.get("color_transfer") in {None, "bt709"}
    sizes = {
        each["name"]: json.loads(Path(each["manifest"]).read_text())["renditions"][0]
        for each in last["assets"]
    }
    assert (sizes["rotated.mp4"]["width"], sizes["rotated.mp4"]["height"]) == (180, 320)
    assert (sizes["portrait120.mp4"]["width"], sizes["portrait120.mp4"]["height"]) == (180, 320)
    assert (sizes["anamorphic.mp4"]["width"], sizes["anamorphic.mp4"]["height"]) == (320, 134)
