"""The sections of the page, each a pure function of the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eddyline.core.formatting import format_count, format_duration, format_size
from eddyline.core.markup import Html, element, join_lines, join_words, relative_url, section
from eddyline.core.numbers import parse_rational
from eddyline.page.quality import quality_text
from eddyline.page.selection import selection_rows
from eddyline.page.verification import verification_statements

_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
_CODECS = {
    "h264": "H.264",
    "hevc": "HEVC",
    "av1": "AV1",
    "aac": "AAC",
    "opus": "Opus",
    "prores": "ProRes",
    "vp9": "VP9",
}
_HASH_START = 12  # hexadecimal digits of a hash that a reader can compare by eye
_SHORT_HASH = 16  # digits up to which a hash is shown in full
_STATUS = {True: ("✓", "holds"), False: ("✗", "fails"), None: ("·", "nothing")}
_KBPS_IN_MBPS = 1000


def codec_name(name: str) -> str:
    """The usual spelling of a codec's name."""
    return _CODECS.get(name, name)


def format_frame_rate(fps: object) -> str:
    """Frames per second with the digits it needs: "29.97", "25", "23.976"."""
    try:
        return f"{float(parse_rational(str(fps))):.3f}".rstrip("0").rstrip(".")
    except ValueError:
        return str(fps)


def format_bitrate(kbps: float) -> str:
    """A bit rate for people: "583 kbit/s", "6.2 Mbit/s"."""
    return f"{kbps / _KBPS_IN_MBPS:.1f} Mbit/s" if kbps >= _KBPS_IN_MBPS else f"{kbps:.0f} kbit/s"


def hash_button(sha256: str) -> Html:
    """The start of a hash; a click copies all of it and hovering shows it."""
    if not sha256:
        return Html("")
    short = sha256 if len(sha256) <= _SHORT_HASH else f"{sha256[:_HASH_START]}…"
    return element(
        "button",
        short,
        type="button",
        class_="hash",
        data_copy=sha256,
        title=sha256,
        aria_label=f"Copy {sha256}",
    )


def definition_list(rows: Sequence[tuple[str, object]]) -> Html:
    """Terms and their values."""
    return element(
        "dl", join_lines([Html(element("dt", term) + element("dd", value)) for term, value in rows])
    )


def source_facts(source: Mapping[str, Any]) -> Html:
    """The source in one line."""
    video = source["video"]
    sideways = video["rotation"] in {90, 270}
    width, height = (video["height"], video["width"]) if sideways else (video["width"], video["height"])
    facts = [
        format_duration(source["duration_s"]),
        f"{width} × {height}",  # noqa: RUF001 - a multiplication sign
        f"{format_frame_rate(video['fps'])} fps" + (" (variable)" if video["variable_rate"] else ""),
        format_count(video["frames"], "frame"),
        codec_name(video["codec"]),
        format_size(source["bytes"]),
    ]
    return join_lines([element("li", fact) for fact in facts])


def rendition_switch(renditions: Sequence[Mapping[str, Any]], selected: int) -> Html:
    """Radio buttons that select the rendition to play."""
    return join_lines(
        [
            element(
                "label",
                element("input", type="radio", name="rendition", value=at, checked=at == selected),
                element("span", each["name"]),
            )
            for at, each in enumerate(renditions)
        ]
    )


def verification_list(manifest: Mapping[str, Any]) -> Html:
    """The verification results, one sentence per line."""
    lines = []
    for each in verification_statements(manifest):
        symbol, kind = _STATUS[each.holds]
        digest = join_words("", "SHA-256", hash_button(each.sha256)) if each.sha256 else ""
        status = element("span", symbol, class_="status", aria_hidden="true")
        lines.append(element("li", status, element("p", each.sentence, digest), class_=kind))
    return join_lines(lines)


def left_out_section(manifest: Mapping[str, Any]) -> Html:
    """The section of what the asset omits from the source; empty if it omits nothing."""
    found = manifest.get("left_out") or []
    if not found:
        return Html("")
    items = join_lines([element("li", element("b", each["what"]), f": {each['why']}") for each in found])
    return section("Not carried over", "left-out", element("ul", items), class_="left-out")


def rendition_rows(manifest: Mapping[str, Any]) -> Html:
    """The rows of the table of renditions."""
    return join_lines([_rendition_row(each) for each in manifest["renditions"]])


def _rendition_row(each: Mapping[str, Any]) -> Html:
    name = str(each["name"])
    cells = [
        ("Frame size", f"{each['width']} × {each['height']}", "num"),  # noqa: RUF001 - a multiplication sign
        ("Codec", codec_name(each["codec"]), None),
        ("Bitrate", format_bitrate(each["bitrate_kbps"]), "num"),
        ("VMAF", _vmaf(each), "num"),
        ("Frames", f"{each['frames']:,}", "num"),
        ("Size", format_size(each["bytes"]), "num"),
        ("SHA-256", hash_button(each["sha256"]), None),
    ]
    url = relative_url(each["path"])
    download = element("a", "Download", href=url, download=True, aria_label=f"Download {name}")
    return element(
        "tr",
        element("th", name, scope="row"),
        *(element("td", value, data_label=label, class_=kind) for label, value, kind in cells),
        element("td", download, class_="act"),
    )


def _vmaf(rendition: Mapping[str, Any]) -> Html:
    quality = quality_text(rendition)
    return element("span", quality.vmaf, title=quality.explanation or None)


def stream_urls(stream: Mapping[str, Any] | None) -> Html:
    """The URLs for players."""
    if not stream:
        return element("p", "Not packaged for streaming: the profile does not request it.", class_="quiet")
    rows = []
    for kind, name in (("hls", "HLS"), ("dash", "DASH")):
        path = stream[kind]
        if path is None:
            continue
        url, label = relative_url(path), f"Copy the {name} URL"
        copy = element("button", "Copy", type="button", data_url=url, aria_label=label)
        rows.append(element("li", element("b", name), element("a", path, href=url), copy))
    urls = element("ul", join_lines(rows), class_="urls")
    encryption = stream.get("encryption")
    if not encryption:
        return urls
    note = f"Encrypted ({encryption['scheme']}): players need the keys."
    return join_lines([urls, element("p", note, class_="quiet")])


def audio_list(tracks: Sequence[Mapping[str, Any]]) -> Html:
    """Each audio track with its loudness (EBU R128)."""
    if not tracks:
        return element("p", "No audio.", class_="quiet")
    return definition_list([_audio_track(each) for each in tracks])


def _audio_track(each: Mapping[str, Any]) -> tuple[str, str]:
    loudness = each.get("loudness") or {}
    channels = each.get("channels", 0)
    layout = _LAYOUTS.get(channels, f"{channels} channels")
    names = (each.get("language"), codec_name(str(each.get("codec", ""))), layout)
    name = " ".join(str(part) for part in names if part and part != "und")
    measures = [
        _measure(loudness.get("integrated_lufs"), "LUFS"),
        _measure(loudness.get("range_lu"), "LU range"),
        _measure(loudness.get("true_peak_dbtp"), "dBTP peak"),
    ]
    measured = [measure for measure in measures if measure] or ["silent"]
    ambisonic = each.get("ambisonic")
    kept = [f"{ambisonic['channels']} ambisonic channels in {ambisonic['path']}"] if ambisonic else []
    return name or "Track", ", ".join([*measured, format_count(each["samples"], "sample"), *kept])


def _measure(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.1f} {unit}".replace("-", "−")  # noqa: RUF001 - a minus sign


def run_details(manifest: Mapping[str, Any]) -> Html:
    """The tools, the profile and the run that made the asset."""
    tools, run = manifest["toolchain"], manifest["run"]
    repeated = f"{format_count(run['redone_jobs'], 'job') if run['redone_jobs'] else 'no job'} repeated"
    if run["interruptions"]:
        repeated += f" after {format_count(run['interruptions'], 'interruption')}"
    times = f"{format_duration(run['wall_s'])} in total, {format_duration(run['cpu_seconds'])} of CPU"
    profile = manifest.get("profile")
    return definition_list(
        [
            ("FFmpeg", join_words(tools["ffmpeg"], hash_button(tools["ffmpeg_sha256"]))),
            ("Packager", tools["packager"]),
            *([("Profile", profile["name"])] if profile else []),
            *selection_rows(manifest),
            ("Run", f"{times}, {repeated}, on {run['host']}, started {run['started']}"),
            ("Source", join_words("fingerprint", hash_button(manifest["source"]["fingerprint"]))),
            (
                "Asset",
                join_words(
                    hash_button(manifest["asset"]), element("a", "manifest.json", href="./manifest.json")
                ),
            ),
        ]
    )
