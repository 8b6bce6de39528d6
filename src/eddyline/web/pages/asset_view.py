"""What the asset page shows: a pure function of the catalogue's row and the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eddyline.core.formatting import format_count, format_size, printable_line
from eddyline.graph.ledger.catalogue.asset import Asset
from eddyline.media.ladder.chunks import chunk_starts
from eddyline.page.playback_rate import playback_rate
from eddyline.page.quality import quality_text
from eddyline.page.sections import codec_name, format_bitrate, format_frame_rate
from eddyline.page.telemetry_section import format_distance
from eddyline.page.verification import Statement, verification_statements
from eddyline.web.pages.asset_cards import clock, day, media_url

_PLAYABLE = ("h264", "vp9", "av1")
_MAX_LINES = 1080
_TELEMETRY_FILES = (
    ("gpx", "GPS track", "GPX"),
    ("geojson", "GPS track", "GeoJSON"),
    ("json", "All telemetry", "JSON, gzip"),
    ("highlights", "HiLights", "JSON"),
    ("payloads", "Telemetry as the camera wrote it", "GPMF"),
)
_CHUNKS_SHOWN_FROM = 2


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file to download: what it is, its kind, its size as text (empty if unknown), and its address."""

    name: str
    kind: str
    size: str
    url: str


@dataclass(frozen=True, kw_only=True)
class AssetView:
    """The values of the template; `facts` go to the scripts as JSON."""

    summary: tuple[str, ...]
    facts: dict[str, Any]
    renditions: tuple[dict[str, Any], ...]
    statements: tuple[Statement, ...]
    left_out: tuple[dict[str, str], ...]
    downloads: tuple[Download, ...]
    details: tuple[tuple[str, str], ...]
    joins: int
    highlights: tuple[dict[str, Any], ...]


def view_of(asset: Asset, manifest: Mapping[str, Any]) -> AssetView:
    """The view of a published asset."""
    facts = _facts(asset, manifest)
    return AssetView(
        summary=tuple(_summary(asset, manifest)),
        facts=facts,
        renditions=tuple(_rendition(asset.asset, each) for each in manifest["renditions"]),
        statements=tuple(verification_statements(manifest)),
        left_out=tuple(manifest.get("left_out") or ()),
        downloads=tuple(_downloads(asset.asset, manifest)),
        details=tuple(_details(asset, manifest)),
        joins=len(facts["joins"]),
        highlights=tuple(facts["highlights"]),
    )


def _facts(asset: Asset, manifest: Mapping[str, Any]) -> dict[str, Any]:
    stream, pictures = manifest.get("stream") or {}, manifest["pictures"]
    # The player of the page has no keys: of an encrypted stream it plays the rendition.
    playable = {} if stream.get("encryption") else stream
    chapters = "stream/chapters.vtt" if stream and manifest.get("chapters") else None
    rate = playback_rate(manifest)
    return {
        "asset": asset.asset,
        "name": asset.name,
        "fps": rate.fps,
        "frames": rate.frames,
        "duration": manifest["source"]["duration_s"],
        "dash": media_url(asset.asset, playable.get("dash")),
        "hls": media_url(asset.asset, playable.get("hls")),
        "mp4": media_url(asset.asset, _playable(manifest["renditions"])["path"]),
        "poster": media_url(asset.asset, pictures.get("poster")),
        "storyboard": media_url(asset.asset, pictures.get("storyboard")),
        "chapters": media_url(asset.asset, chapters),
        "subtitles": [
            {
                "url": media_url(asset.asset, each["path"]),
                "language": each.get("language") or "und",
                "label": printable_line(str(each.get("title") or each.get("language") or "Subtitles"), 80),
            }
            for each in manifest.get("subtitles") or ()
        ],
        "highlights": [
            {"time_s": each["time_s"], "thumbnail": media_url(asset.asset, each.get("thumbnail"))}
            for each in manifest.get("highlights") or ()
        ],
        "joins": [frame // rate.step for frame in _joins(manifest)] if rate.fps else [],
    }


def _joins(manifest: Mapping[str, Any]) -> list[int]:
    """The first source frames of all chunks of the first codec family but the first chunk.

    Empty for manifests without the segment's length.
    """
    proof = manifest["proof"]
    segment, families = proof.get("segment_frames"), proof.get("family_chunks")
    chunks = next(iter(families.values())) if families else proof["chunks"]
    if not segment or chunks < _CHUNKS_SHOWN_FROM:
        return []
    return list(chunk_starts(proof["frames_in"], segment, chunks)[1:])


def _playable(renditions: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The largest rendition of at most 1080 lines that browsers play, H.264 if any; else the first one."""
    fitting = [
        each
        for each in renditions
        if each["codec"] in _PLAYABLE and min(each["width"], each["height"]) <= _MAX_LINES
    ]
    return max(
        fitting or renditions[:1],
        key=lambda each: (each["codec"] == "h264", each["width"] * each["height"]),
    )


def _rendition(asset: str, each: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": each["name"],
        "url": media_url(asset, each["path"]),
        "size": f"{each['width']} × {each['height']}",  # noqa: RUF001 - a multiplication sign
        "codec": codec_name(each["codec"]),
        "bitrate": format_bitrate(each["bitrate_kbps"]),
        "bytes": each["bytes"],
        "bytes_text": format_size(each["bytes"]),
        "sha256": each["sha256"],
        "quality": quality_text(each),
    }


def _summary(asset: Asset, manifest: Mapping[str, Any]) -> list[str]:
    source, video = manifest["source"], manifest["source"]["video"]
    sideways = video["rotation"] in {90, 270}
    width, height = (video["height"], video["width"]) if sideways else (video["width"], video["height"])
    rate = format_frame_rate(video["fps"]) + (" fps (variable)" if video["variable_rate"] else " fps")
    facts = [
        day(asset.captured) if asset.captured is not None else "",
        printable_line(asset.camera or "", 60),
        clock(source["duration_s"]),
        f"{width} × {height}",  # noqa: RUF001 - a multiplication sign
        rate,
        codec_name(video["codec"]),
        format_size(source["bytes"]),
    ]
    return [each for each in facts if each]


def _downloads(asset: str, manifest: Mapping[str, Any]) -> list[Download]:
    telemetry = manifest.get("telemetry") or {}
    found = [
        Download(
            name=f"Video, {each['name']}",
            kind=f"MP4, {codec_name(each['codec'])}",
            size=format_size(each["bytes"]),
            url=media_url(asset, each["path"]),
        )
        for each in manifest["renditions"]
    ]
    for key, name, kind in _TELEMETRY_FILES:
        if telemetry.get(key):
            found.append(Download(name=name, kind=kind, size="", url=media_url(asset, telemetry[key])))
    poster = media_url(asset, manifest["pictures"]["poster"])
    found.append(Download(name="Poster", kind="JPEG", size="", url=poster))
    found.append(Download(name="Manifest", kind="JSON", size="", url=media_url(asset, "manifest.json")))
    return found


def _details(asset: Asset, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    source, run = manifest["source"], manifest.get("run") or {}
    gps = (manifest.get("telemetry") or {}).get("gps") or {}
    rows = [
        ("Asset", asset.asset),
        ("Owner", asset.owner),
        ("Recorded", manifest.get("created", "").replace("T", " ").replace("Z", " UTC")),
        ("Distance", format_distance(gps["distance_m"]) if gps else ""),
        ("Audio", "; ".join(map(_audio, source.get("audio") or ())) or "none"),
        ("Profile", manifest["profile"]["name"]),
        ("Frames", f"{manifest['proof']['frames_in']:,}"),
        ("Chunks", f"{manifest['proof']['chunks']:,}"),
        ("CPU time", f"{run['cpu_seconds']:.0f} s" if "cpu_seconds" in run else ""),
        ("Interruptions", f"{run['interruptions']:,}" if "interruptions" in run else ""),
        ("Jobs done again", f"{run['redone_jobs']:,}" if "redone_jobs" in run else ""),
        ("Encoder", f"FFmpeg {manifest['toolchain']['ffmpeg']}"),
        ("Fingerprint", source["fingerprint"]),
    ]
    return [(name, printable_line(value, 200)) for name, value in rows if value]


def _audio(track: Mapping[str, Any]) -> str:
    channels = format_count(track["channels"], "channel")
    return f"{codec_name(track['codec'])}, {channels}, {track['sample_rate']:,} Hz"
