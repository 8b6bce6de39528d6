"""The page shows one asset, works offline, and treats all text of a manifest as untrusted."""

from __future__ import annotations

import copy
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from eddyline.media.subtitles.cues import Cue, to_webvtt
from eddyline.page.render import render_page
from eddyline.page.sections import format_bitrate, format_frame_rate
from eddyline.page.storyboard import read_cues
from eddyline.page.telemetry_section import format_distance
from eddyline.page.thumbnails import format_time
from eddyline.page.verification import verification_statements

TELEMETRY = {"payloads": 13, "bytes": 96_440, "sha256": "ab" * 32}
MANIFEST: dict[str, Any] = {
    "version": 2,
    "asset": "3f" * 32,
    "source": {
        "name": "GX010042.MP4",
        "bytes": 16_812_345,
        "fingerprint": "99" * 32,
        "duration_s": 60.126733,
        "container": "mp4",
        "video": {
            "codec": "h264", "width": 1920, "height": 1080, "fps": "30000/1001", "frames": 1802,
            "rotation": 0, "mirrored": False, "projection": None, "variable_rate": False,
            "transfer": "bt709", "pixel_format": "yuv420p",
        },
        "audio": [{"codec": "aac", "channels": 2, "sample_rate": 48_000, "language": "eng"}],
        "telemetry": TELEMETRY,
    },
    "left_out": [],
    "profile": {"name": "default", "digest": "11" * 32},
    "renditions": [
        {
            "name": name, "path": f"renditions/{name}.mp4", "codec": "h264", "width": height * 16 // 9,
            "height": height, "frames": 1802, "bytes": height * 10_000, "bitrate_kbps": height * 5,
            "sha256": "cd" * 32,
        }
        for name, height in (("2160p", 2160), ("1080p", 1080), ("720p", 720), ("360p", 360))
    ],
    "audio": [
        {
            "language": "eng", "codec": "aac", "channels": 2, "sample_rate": 48_000, "samples": 2_886_083,
            "loudness": {"integrated_lufs": -21.3, "range_lu": 4.2, "true_peak_dbtp": None},
        }
    ],
    "stream": {"hls": "stream/master.m3u8", "dash": "stream/manifest.mpd"},
    "pictures": {
        "poster": "pictures/poster.jpg",
        "thumbnails": [{"path": "pictures/thumb-000.jpg", "time_s": 2.5}],
        "storyboard": "pictures/storyboard.vtt",
    },
    "telemetry": {
        "payloads": "telemetry/payloads.gpmf", "udta": None, "json": "telemetry/telemetry.json.gz",
        "gpx": "telemetry/track.gpx", "geojson": "telemetry/track.geojson", "svg": "telemetry/track.svg",
        "highlights": "telemetry/highlights.json",
        "camera": {
            "model": "HERO11 Black", "serial": "C1", "firmware": "H22.01.02.32.00", "lens": None,
            "projection": None, "fov": "linear",
        },
        "streams": {
            "ACCL": {"samples": 12_000, "rate_hz": 200.1, "units": ["m/s²"], "first_s": 0.0, "device": "HERO"}
        },
        "gps": {
            "key": "GPS9", "points": 600, "first_s": 0.1, "last_s": 60.0, "duration_s": 59.9,
            "distance_m": 1234.5, "top_speed_mps": 10.0, "lowest_m": -3.2, "highest_m": 12.0,
            "altitude_reference": "mean sea level", "began": "2026-01-02T03:04:05.678Z",
        },
        "warnings": ["payload[3]/DEVC[0] at byte 17: its value ends after its parent"],
    },
    "highlights": [
        {"time_s": 12.5, "frame": 374, "kind": "manual", "thumbnail": "pictures/highlight-001.jpg"},
        {"time_s": 40.0, "frame": 1198, "kind": "voice", "thumbnail": None},
    ],
    "proof": {
        "frames_in": 1802,
        "frames_out": {"2160p": 1802, "1080p": 1802, "720p": 1802, "360p": 1802},
        "idr_grid_equal": True,
        "audio_samples": [2_886_083],
        "telemetry_sha256_in": TELEMETRY["sha256"],
        "telemetry_sha256_out": TELEMETRY["sha256"],
        "chunks": 6,
        "frame_samples": {
            name: {"compared": 9, "worst_psnr_db": psnr}
            for name, psnr in (("2160p", 51.2), ("1080p", 48.0), ("720p", 45.5), ("360p", 41.5))
        },
    },
    "toolchain": {"ffmpeg": "9.0.2", "ffmpeg_sha256": "77" * 32, "packager": "v3.8.0"},
    "run": {
        "redone_jobs": 0, "interruptions": 0, "cpu_seconds": 42.3, "proof_cpu_seconds": 0.6, "wall_s": 25.1,
        "started": "2026-01-02T03:04:05Z", "host": "river",
    },
}  # fmt: skip
VTT = """WEBVTT

00:00:00.000 --> 00:00:02.000
storyboard-00.jpg#xywh=0,0,160,90

01:00:02.000 --> 01:00:04.500
storyboard-00.jpg#xywh=160,90,160,90
"""


class Elements(HTMLParser):
    """Collects every element with its attributes, and the text of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def addresses(self) -> list[str]:
        return [
            value
            for _, attributes in self.found
            for name in ("href", "src", "poster", "data-url")
            if (value := attributes.get(name))
        ]


@pytest.fixture
def manifest() -> dict[str, Any]:
    return copy.deepcopy(MANIFEST)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "storyboard.vtt").write_text(VTT)
    return tmp_path


def data_of(page: str) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert match
    data: dict[str, Any] = json.loads(match[1])
    return data


def sentences(manifest: dict[str, Any]) -> list[tuple[bool | None, str]]:
    return [(each.holds, each.sentence) for each in verification_statements(manifest)]


def test_the_page_loads_only_files_beside_it(manifest: dict[str, Any], root: Path) -> None:
    page = render_page(manifest, root)
    addresses = Elements(page).addresses()
    assert all(address.startswith("./") or address == "data:," for address in addresses)
    assert "./renditions/720p.mp4" in addresses
    assert "./stream/master.m3u8" in addresses
    assert not re.search(r"https?://|@import|//[a-z]", re.sub(r"//\s.*", "", page))


def test_the_authoring_rules_are_a_sentence_if_they_were_checked(manifest: dict[str, Any]) -> None:
    assert not [text for _, text in sentences(manifest) if "authoring" in text]
    manifest["proof"]["authoring"] = {"rules": 172, "violated": []}
    followed = "HLS and DASH checked against 172 authoring rules: all are followed."
    assert sentences(manifest)[-2] == (True, followed)
    manifest["proof"]["authoring"]["violated"] = [{"rule": "APPLE-7.5"}, {"rule": "APPLE-9.10"}]
    assert sentences(manifest)[-2][1].endswith("; not followed: APPLE-7.5, APPLE-9.10.")


def test_verification_results_are_sentences(manifest: dict[str, Any]) -> None:
    passed = [sentence for holds, sentence in sentences(manifest) if holds]
    assert passed[0] == "1,802 frames in, 1,802 frames out in each of 4 renditions."
    assert passed[1] == (
        "36 frames of 4 renditions compared with FFmpeg's own decode of the original: each matches its source"
        " frame in content, orientation and color (at least 41.5 dB)."
    )
    assert passed[2] == "Keyframes are at the same frames in all renditions."
    assert passed[4] == "Telemetry is byte-identical: 13 payloads, 96 kB,"
    assert len(passed) == 6


def test_a_failed_verification_is_shown_as_failed(manifest: dict[str, Any]) -> None:
    manifest["proof"]["frames_out"]["720p"] = 1801
    manifest["proof"]["idr_grid_equal"] = False
    manifest["proof"]["telemetry_sha256_out"] = "00" * 32
    failed = [sentence for holds, sentence in sentences(manifest) if holds is False]
    assert failed == [
        "1,802 frames in, but 1,801 in 720p.",
        "Keyframes differ between the renditions.",
        "The telemetry differs from the source's.",
    ]


def test_time_lapse_and_slow_motion_are_shown(manifest: dict[str, Any], root: Path) -> None:
    assert "TimeWarp" not in render_page(manifest, root)
    manifest["telemetry"]["gps"] |= {"clock": "GPS time", "speed": 10.0}
    assert "TimeWarp or time-lapse, 10 times as fast" in render_page(manifest, root)
    manifest["telemetry"]["gps"]["speed"] = 0.125
    assert "slow motion, 0.125 times" in render_page(manifest, root)


def test_omitted_source_data_has_its_own_section(manifest: dict[str, Any], root: Path) -> None:
    assert "Not carried over" not in render_page(manifest, root)
    manifest["left_out"] = [{"kind": "data", "what": "track 5 (<b>)", "why": "only telemetry is carried"}]
    page = render_page(manifest, root)
    assert "Not carried over" in page
    assert "<b>track 5 (&lt;b&gt;)</b>: only telemetry is carried" in page


def test_a_source_without_audio_telemetry_or_stream_has_a_page(manifest: dict[str, Any], root: Path) -> None:
    manifest["source"]["telemetry"] = None
    manifest["source"]["audio"] = manifest["audio"] = manifest["proof"]["audio_samples"] = []
    manifest["proof"]["telemetry_sha256_in"] = manifest["proof"]["telemetry_sha256_out"] = None
    manifest["stream"] = None
    manifest["telemetry"] = {"payloads": None, "udta": None, "svg": None, "camera": None, "gps": None}
    manifest["highlights"] = []
    manifest["pictures"].update(thumbnails=[], storyboard=None)
    text = " ".join(Elements(render_page(manifest, root)).text)
    for part in ("The source has no audio.", "no telemetry track", "Not packaged for streaming"):
        assert part in text


def test_highlights_have_thumbnails_and_seek_to_their_time(manifest: dict[str, Any], root: Path) -> None:
    page = render_page(manifest, root)
    found = Elements(page)
    assert data_of(page)["highlights"] == [[12.5, "HiLight 1"], [40.0, "HiLight 2 (voice)"]]
    buttons = [each for _, each in found.found if (each.get("aria-label") or "").startswith("Go to HiLight")]
    assert [(each["data-seek"], each["aria-label"]) for each in buttons] == [
        ("12.5", "Go to HiLight 1 at 0:12.5"),
        ("40.0", "Go to HiLight 2 (voice) at 0:40.0"),
    ]
    assert found.addresses().count("./pictures/highlight-001.jpg") == 1


def test_the_trip_has_figures_and_a_map(manifest: dict[str, Any], root: Path) -> None:
    found = Elements(render_page(manifest, root))
    text = " ".join(found.text)
    for part in (
        "HERO11 Black, firmware H22.01.02.32.00",
        "1:00, from 2026-01-02 03:04:05 UTC",
        "1.2 km",
        "36.0 km/h",
        "−3 to 12 m above sea level",  # noqa: RUF001 - a minus sign
        "its value ends after its parent",
    ):
        assert part in text
    assert "C1" not in text  # pages are shared, so they contain no serial number
    assert ("img", "./telemetry/track.svg") in [(tag, each.get("src")) for tag, each in found.found]
    assert [format_distance(999.4), format_distance(1000)] == ["999 m", "1.0 km"]


def test_a_page_without_highlights_has_no_section_for_them(manifest: dict[str, Any], root: Path) -> None:
    manifest["highlights"] = []
    manifest["telemetry"]["svg"] = None
    page = render_page(manifest, root)
    assert "HiLight 1" not in page
    assert "track.svg" not in page


def test_a_silent_track_has_no_loudness(manifest: dict[str, Any], root: Path) -> None:
    manifest["audio"][0]["loudness"] = {"integrated_lufs": None, "range_lu": None, "true_peak_dbtp": None}
    assert "silent, 2,886,083 samples" in " ".join(Elements(render_page(manifest, root)).text)


HOSTILE_TEXT = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"' $name \u202e\n"


def _with_hostile_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_hostile_text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_hostile_text(inner) for inner in value]
    return HOSTILE_TEXT if isinstance(value, str) else value


def test_no_text_of_a_manifest_is_interpreted_as_markup(manifest: dict[str, Any], root: Path) -> None:
    clean = Elements(render_page(manifest, root))
    hostile = _with_hostile_text(manifest)
    hostile["source"]["video"]["fps"] = "25"
    page = render_page(hostile, root)
    found = Elements(page)
    assert [tag for tag, _ in found.found] == [tag for tag, _ in clean.found]
    assert not any(name.startswith("on") for _, attributes in found.found for name in attributes)
    assert all(address.startswith(("./", "data:,")) for address in found.addresses())
    assert data_of(page)["renditions"][0]["name"] == HOSTILE_TEXT
    assert "\u202e" not in page


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "javascript:alert(1)", "//evil.example/x", "http://x"]
)
def test_no_address_leads_out_of_the_asset(manifest: dict[str, Any], root: Path, path: str) -> None:
    manifest["renditions"][1]["path"] = manifest["stream"]["hls"] = path
    for address in Elements(render_page(manifest, root)).addresses():
        assert address.startswith(("./", "data:,"))
        assert ".." not in address
        assert ":" not in address.removeprefix("data:,")


def test_only_the_script_and_style_of_the_page_may_run(manifest: dict[str, Any], root: Path) -> None:
    import base64
    import hashlib

    page = render_page(manifest, root)
    for kind, pattern in (("script", r"<script>(.*?)</script>"), ("style", r"<style>(.*?)</style>")):
        found = re.findall(pattern, page, re.DOTALL)
        assert len(found) == 1
        pin = base64.b64encode(hashlib.sha256(found[0].encode()).digest()).decode()
        assert f"{kind}-src &#x27;sha256-{pin}&#x27;" in page or f"{kind}-src 'sha256-{pin}'" in page
    assert "default-src 'none'" in page


def test_the_largest_rendition_up_to_1080_lines_plays_first(manifest: dict[str, Any], root: Path) -> None:
    video = next(
        attributes for tag, attributes in Elements(render_page(manifest, root)).found if tag == "video"
    )
    assert video["src"] == "./renditions/1080p.mp4"


def test_a_portrait_source_has_a_tall_player_and_swapped_dimensions(
    manifest: dict[str, Any], root: Path
) -> None:
    manifest["source"]["video"]["rotation"] = 90
    for each in manifest["renditions"]:
        each["width"], each["height"] = each["height"], each["width"]
    page = render_page(manifest, root)
    assert 'class="stage tall"' in page
    assert "1080 × 1920" in page  # noqa: RUF001 - a multiplication sign


def test_frames_are_numbered_only_at_a_constant_rate(manifest: dict[str, Any], root: Path) -> None:
    assert data_of(render_page(manifest, root))["fps"] == pytest.approx(29.97003)
    manifest["source"]["video"]["variable_rate"] = True
    assert data_of(render_page(manifest, root))["fps"] == 0


def test_the_storyboard_is_embedded_in_the_page(manifest: dict[str, Any], root: Path) -> None:
    assert data_of(render_page(manifest, root))["cues"] == [
        [0.0, 2.0, "./pictures/storyboard-00.jpg", 0, 0, 160, 90],
        [3602.0, 3604.5, "./pictures/storyboard-00.jpg", 160, 90, 160, 90],
    ]


@pytest.mark.parametrize(
    "vtt",
    ["", "WEBVTT", "\xff\xfe", "00:00:00.000 --> 00:00:00.000\na.jpg#xywh=0,0,1,1", "a.jpg#xywh=0,0,1,1"],
)
def test_an_invalid_storyboard_has_no_cues(root: Path, vtt: str) -> None:
    (root / "pictures" / "storyboard.vtt").write_text(vtt, "latin-1")
    assert read_cues(root, "pictures/storyboard.vtt") == ()
    assert read_cues(root, "pictures/missing.vtt") == ()


def test_figures_are_formatted_for_people() -> None:
    assert [
        format_frame_rate("30000/1001"),
        format_frame_rate("25"),
        format_frame_rate("24000/1001"),
        format_frame_rate(59.94),
    ] == [
        "29.97",
        "25",
        "23.976",
        "59.94",
    ]
    assert [format_bitrate(583), format_bitrate(6150)] == ["583 kbit/s", "6.2 Mbit/s"]
    assert [format_time(8.5), format_time(59.96), format_time(3723)] == ["0:08.5", "1:00.0", "1:02:03.0"]


def test_the_page_is_reproducible(manifest: dict[str, Any], root: Path) -> None:
    assert render_page(manifest, root) == render_page(manifest, root)


@pytest.mark.parametrize("name", ["../secret.vtt", "/etc/passwd", "a/../../secret.vtt", "", "\0"])
def test_a_storyboard_outside_the_asset_is_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "asset").mkdir()
    (tmp_path / "secret.vtt").write_text(VTT)
    assert read_cues(tmp_path / "asset", name) == ()


def test_subtitles_are_embedded_as_text_and_chapters_seek_to_their_time(
    manifest: dict[str, Any], root: Path
) -> None:
    assert data_of(render_page(manifest, root))["subtitles"] == []
    (root / "subtitles").mkdir()
    cues = (
        Cue(start=500, end=1234, text="<i>a</i> &lt;script&gt;\nb", top=True),
        Cue(start=2000, end=3000, text="c"),
    )
    (root / "subtitles/1.vtt").write_text(to_webvtt(cues))
    track = {"language": "ger", "title": "</script>", "forced": True, "cues": 2, "path": "subtitles/1.vtt"}
    away = {**track, "path": "../secret.vtt"}
    manifest["subtitles"] = [track, away]
    manifest["chapters"] = [
        {"frame": 30, "time_s": 1.0, "title": "<b>Two"},
        {"frame": 60, "time_s": 2.0, "title": "x"},
    ]
    page = render_page(manifest, root)
    assert data_of(page)["subtitles"] == [
        [
            "</script> (forced)",
            "de",
            True,
            [[0.5, 1.234, "<i>a</i> &lt;script&gt;\nb", True], [2.0, 3.0, "c", False]],
        ]
    ]
    assert page.count("</script>") == 2
    assert 'data-seek="1.0"' in page
    assert "&lt;b&gt;Two" in page
    assert "../secret" not in page
