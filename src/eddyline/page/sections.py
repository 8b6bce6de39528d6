"""The parts of the page, each a pure function of the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eddyline.core.formatting import format_count, format_duration, format_size
from eddyline.core.numbers import rational
from eddyline.page.markup import Html, el, joined, link
from eddyline.page.proof import statements

_CODECS = {"h264": "H.264", "hevc": "HEVC", "av1": "AV1", "aac": "AAC", "prores": "ProRes", "vp9": "VP9"}
_SHORT = 12  # hexadecimal digits of a hash that a reader can compare by eye
_WHOLE = 16  # as many are shown whole
_MARKS = {True: ("✓", "holds"), False: ("✗", "fails"), None: ("·", "nothing")}
_KBPS_IN_MBPS = 1000


def codec(name: str) -> str:
    """A codec as people write it."""
    return _CODECS.get(name, name)


def rate(fps: object) -> str:
    """Frames a second with as many digits as it takes: "29.97", "25", "23.976"."""
    try:
        return f"{float(rational(str(fps))):.3f}".rstrip("0").rstrip(".")
    except ValueError:
        return str(fps)


def bitrate(kbps: float) -> str:
    """Kilobits a second as people read them."""
    return f"{kbps / _KBPS_IN_MBPS:.1f} Mbit/s" if kbps >= _KBPS_IN_MBPS else f"{kbps:.0f} kbit/s"


def hashed(sha256: str) -> Html:
    """A hash's beginning; the whole of it is copied by a click and read on hover."""
    if not sha256:
        return Html("")
    short = sha256 if len(sha256) <= _WHOLE else f"{sha256[:_SHORT]}…"
    return el(
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
        f"{rate(video['fps'])} fps" + (" (variable)" if video["variable_rate"] else ""),
        format_count(video["frames"], "frame"),
        codec(video["codec"]),
        format_size(source["bytes"]),
    ]
    return joined([el("li", fact) for fact in facts])


def switch(renditions: Sequence[Mapping[str, Any]], chosen: int) -> Html:
    """Radio buttons for the renditions; the script changes what is played."""
    return joined(
        [
            el(
                "label",
                el("input", type="radio", name="rendition", value=at, checked=at == chosen),
                el("span", each["name"]),
            )
            for at, each in enumerate(renditions)
        ]
    )


def proof(manifest: Mapping[str, Any]) -> Html:
    """The proof, a sentence a line."""
    lines = []
    for each in statements(manifest):
        mark, kind = _MARKS[each.holds]
        behind = Html(f" SHA-256 {hashed(each.sha256)}") if each.sha256 else Html("")
        lines.append(
            el(
                "li",
                el("span", mark, class_="mark", aria_hidden="true"),
                el("p", each.sentence, behind),
                class_=kind,
            )
        )
    return joined(lines)


def left_out(manifest: Mapping[str, Any]) -> Html:
    """A section with what of the source the asset does not carry; nothing where it carries all of it."""
    found = manifest.get("left_out") or []
    if not found:
        return Html("")
    items = joined([el("li", el("b", each["what"]), f": {each['why']}") for each in found])
    heading = el("h2", "Not carried", id="h-left-out")
    return el("section", heading, el("ul", items), class_="left-out", aria_labelledby="h-left-out")


def renditions(manifest: Mapping[str, Any]) -> Html:
    """The rows of the table of renditions."""
    return joined([_rendition(each) for each in manifest["renditions"]])


def _rendition(each: Mapping[str, Any]) -> Html:
    name = str(each["name"])
    cells = [
        ("Picture", f"{each['width']} × {each['height']}", "num"),  # noqa: RUF001 - the sign that people write
        ("Codec", codec(each["codec"]), None),
        ("Bitrate", bitrate(each["bitrate_kbps"]), "num"),
        ("Frames", f"{each['frames']:,}", "num"),
        ("Size", format_size(each["bytes"]), "num"),
        ("SHA-256", hashed(each["sha256"]), None),
    ]
    save = el("a", "Download", href=link(each["path"]), download=True, aria_label=f"Download {name}")
    return el(
        "tr",
        el("th", name, scope="row"),
        *(el("td", value, data_label=label, class_=kind) for label, value, kind in cells),
        el("td", save, class_="act"),
    )


def streams(stream: Mapping[str, str] | None) -> Html:
    """The addresses to give to a player."""
    if not stream:
        return el("p", "Not packaged for streaming: the profile did not ask for it.", class_="quiet")
    rows = []
    for kind, name in (("hls", "HLS"), ("dash", "DASH")):
        path = stream[kind]
        copy = el(
            "button", "Copy", type="button", data_address=link(path), aria_label=f"Copy the {name} address"
        )
        rows.append(el("li", el("b", name), el("a", path, href=link(path)), copy))
    return el("ul", joined(rows), class_="addresses")


def sound(tracks: Sequence[Mapping[str, Any]]) -> Html:
    """Each audio track with its loudness (EBU R128)."""
    if not tracks:
        return el("p", "No sound.", class_="quiet")
    return el("dl", joined([_track(each) for each in tracks]))


def _track(each: Mapping[str, Any]) -> Html:
    loudness = each.get("loudness") or {}
    named = " ".join(
        str(part)
        for part in (each.get("language"), codec(str(each.get("codec", ""))))
        if part and part != "und"
    )
    parts = [
        _measure(loudness.get("integrated_lufs"), "LUFS"),
        _measure(loudness.get("range_lu"), "LU range"),
        _measure(loudness.get("true_peak_dbtp"), "dBTP peak"),
    ]
    told = [part for part in parts if part] or ["silent"]
    return Html(
        el("dt", named or "Track") + el("dd", ", ".join([*told, format_count(each["samples"], "sample")]))
    )


def _measure(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.1f} {unit}".replace("-", "−")  # noqa: RUF001 - a minus sign


def making(manifest: Mapping[str, Any]) -> Html:
    """With what and how it was made."""
    tools, ran = manifest["toolchain"], manifest["run"]
    redone = (
        "nothing redone" if not ran["redone_jobs"] else f"{format_count(ran['redone_jobs'], 'job')} redone"
    )
    if ran["interruptions"]:
        redone += f" after {format_count(ran['interruptions'], 'interruption')}"
    took = f"{format_duration(ran['wall_s'])} in all, {format_duration(ran['cpu_seconds'])} of CPU, {redone}"
    rows: list[tuple[str, object]] = [
        ("FFmpeg", Html(f"{el('span', tools['ffmpeg'])} {hashed(tools['ffmpeg_sha256'])}")),
        ("Packager", tools["packager"]),
        ("Run", f"{took}, on {ran['host']}, started {ran['started']}"),
        ("Source", Html(f"{el('span', 'fingerprint')} {hashed(manifest['source']['fingerprint'])}")),
        ("Asset", Html(f"{hashed(manifest['asset'])} {el('a', 'manifest.json', href='./manifest.json')}")),
    ]
    if profile := manifest.get("profile"):
        rows.insert(2, ("Profile", profile["name"]))
    return definitions(rows)


def definitions(rows: Sequence[tuple[str, object]]) -> Html:
    """Headings and what they mean."""
    return el("dl", joined([Html(el("dt", heading) + el("dd", value)) for heading, value in rows]))
