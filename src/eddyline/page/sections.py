"""The parts of the page, each a pure function of the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eddyline.core.formatting import format_count, format_duration, format_size
from eddyline.core.numbers import parse_rational
from eddyline.page.markup import Html, element, join_lines, relative_url
from eddyline.page.verification import statements

_CODECS = {"h264": "H.264", "hevc": "HEVC", "av1": "AV1", "aac": "AAC", "prores": "ProRes", "vp9": "VP9"}
_SHORT = 12  # hexadecimal digits of a hash that a reader can compare by eye
_WHOLE = 16  # as many are shown whole
_MARKS = {True: ("✓", "holds"), False: ("✗", "fails"), None: ("·", "nothing")}
_KBPS_IN_MBPS = 1000


def codec_name(name: str) -> str:
    """A codec as people write it."""
    return _CODECS.get(name, name)


def format_frame_rate(fps: object) -> str:
    """Frames a second with as many digits as it takes: "29.97", "25", "23.976"."""
    try:
        return f"{float(parse_rational(str(fps))):.3f}".rstrip("0").rstrip(".")
    except ValueError:
        return str(fps)


def format_bitrate(kbps: float) -> str:
    """Kilobits a second as people read them."""
    return f"{kbps / _KBPS_IN_MBPS:.1f} Mbit/s" if kbps >= _KBPS_IN_MBPS else f"{kbps:.0f} kbit/s"


def hash_button(sha256: str) -> Html:
    """A hash's beginning; the whole of it is copied by a click and read on hover."""
    if not sha256:
        return Html("")
    short = sha256 if len(sha256) <= _WHOLE else f"{sha256[:_SHORT]}…"
    return element(
        "button",
        short,
        type="button",
        class_="hash",
        data_copy=sha256,
        title=sha256,
        aria_label=f"Copy {sha256}",
    )


def summary(source: Mapping[str, Any]) -> Html:
    """The source in one line."""
    video = source["video"]
    sideways = video["rotation"] in {90, 270}
    width, height = (video["height"], video["width"]) if sideways else (video["width"], video["height"])
    facts = [
        format_duration(source["duration_s"]),
        f"{width} × {height}",  # noqa: RUF001 - the sign that people write
        f"{format_frame_rate(video['fps'])} fps" + (" (variable)" if video["variable_rate"] else ""),
        format_count(video["frames"], "frame"),
        codec_name(video["codec"]),
        format_size(source["bytes"]),
    ]
    return join_lines([element("li", fact) for fact in facts])


def rendition_switch(renditions: Sequence[Mapping[str, Any]], chosen: int) -> Html:
    """Radio buttons for the renditions; the script changes what is played."""
    return join_lines(
        [
            element(
                "label",
                element("input", type="radio", name="rendition", value=at, checked=at == chosen),
                element("span", each["name"]),
            )
            for at, each in enumerate(renditions)
        ]
    )


def proof(manifest: Mapping[str, Any]) -> Html:
    """The proof, a sentence a line."""
    lines = []
    for each in statements(manifest):
        mark, kind = _MARKS[each.holds]
        behind = Html(f" SHA-256 {hash_button(each.sha256)}") if each.sha256 else Html("")
        lines.append(
            element(
                "li",
                element("span", mark, class_="mark", aria_hidden="true"),
                element("p", each.sentence, behind),
                class_=kind,
            )
        )
    return join_lines(lines)


def left_out(manifest: Mapping[str, Any]) -> Html:
    """A section with what of the source the asset does not carry; nothing where it carries all of it."""
    found = manifest.get("left_out") or []
    if not found:
        return Html("")
    items = join_lines([element("li", element("b", each["what"]), f": {each['why']}") for each in found])
    heading = element("h2", "Not carried", id="h-left-out")
    return element("section", heading, element("ul", items), class_="left-out", aria_labelledby="h-left-out")


def renditions(manifest: Mapping[str, Any]) -> Html:
    """The rows of the table of renditions."""
    return join_lines([_rendition(each) for each in manifest["renditions"]])


def _rendition(each: Mapping[str, Any]) -> Html:
    name = str(each["name"])
    cells = [
        ("Picture", f"{each['width']} × {each['height']}", "num"),  # noqa: RUF001 - the sign that people write
        ("Codec", codec_name(each["codec"]), None),
        ("Bitrate", format_bitrate(each["bitrate_kbps"]), "num"),
        ("Frames", f"{each['frames']:,}", "num"),
        ("Size", format_size(each["bytes"]), "num"),
        ("SHA-256", hash_button(each["sha256"]), None),
    ]
    save = element(
        "a", "Download", href=relative_url(each["path"]), download=True, aria_label=f"Download {name}"
    )
    return element(
        "tr",
        element("th", name, scope="row"),
        *(element("td", value, data_label=label, class_=kind) for label, value, kind in cells),
        element("td", save, class_="act"),
    )


def streams(stream: Mapping[str, str] | None) -> Html:
    """The addresses to give to a player."""
    if not stream:
        return element("p", "Not packaged for streaming: the profile did not ask for it.", class_="quiet")
    rows = []
    for kind, name in (("hls", "HLS"), ("dash", "DASH")):
        path = stream[kind]
        copy = element(
            "button",
            "Copy",
            type="button",
            data_address=relative_url(path),
            aria_label=f"Copy the {name} address",
        )
        rows.append(element("li", element("b", name), element("a", path, href=relative_url(path)), copy))
    return element("ul", join_lines(rows), class_="addresses")


def audio_list(tracks: Sequence[Mapping[str, Any]]) -> Html:
    """Each audio track with its loudness (EBU R128)."""
    if not tracks:
        return element("p", "No sound.", class_="quiet")
    return element("dl", join_lines([_track(each) for each in tracks]))


def _track(each: Mapping[str, Any]) -> Html:
    loudness = each.get("loudness") or {}
    named = " ".join(
        str(part)
        for part in (each.get("language"), codec_name(str(each.get("codec", ""))))
        if part and part != "und"
    )
    parts = [
        _measure(loudness.get("integrated_lufs"), "LUFS"),
        _measure(loudness.get("range_lu"), "LU range"),
        _measure(loudness.get("true_peak_dbtp"), "dBTP peak"),
    ]
    told = [part for part in parts if part] or ["silent"]
    return Html(
        element("dt", named or "Track")
        + element("dd", ", ".join([*told, format_count(each["samples"], "sample")]))
    )


def _measure(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.1f} {unit}".replace("-", "−")  # noqa: RUF001 - a minus sign


def run_details(manifest: Mapping[str, Any]) -> Html:
    """With what and how it was made."""
    tools, ran = manifest["toolchain"], manifest["run"]
    redone = (
        "nothing redone" if not ran["redone_jobs"] else f"{format_count(ran['redone_jobs'], 'job')} redone"
    )
    if ran["interruptions"]:
        redone += f" after {format_count(ran['interruptions'], 'interruption')}"
    took = f"{format_duration(ran['wall_s'])} in all, {format_duration(ran['cpu_seconds'])} of CPU, {redone}"
    fingerprint = hash_button(manifest["source"]["fingerprint"])
    link = element("a", "manifest.json", href="./manifest.json")
    rows: list[tuple[str, object]] = [
        ("FFmpeg", Html(f"{element('span', tools['ffmpeg'])} {hash_button(tools['ffmpeg_sha256'])}")),
        ("Packager", tools["packager"]),
        ("Run", f"{took}, on {ran['host']}, started {ran['started']}"),
        (
            "Source",
            Html(f"{element('span', 'fingerprint')} {fingerprint}"),
        ),
        (
            "Asset",
            Html(f"{hash_button(manifest['asset'])} {link}"),
        ),
    ]
    if profile := manifest.get("profile"):
        rows.insert(2, ("Profile", profile["name"]))
    return definition_list(rows)


def definition_list(rows: Sequence[tuple[str, object]]) -> Html:
    """Headings and what they mean."""
    return element(
        "dl", join_lines([Html(element("dt", heading) + element("dd", value)) for heading, value in rows])
    )
