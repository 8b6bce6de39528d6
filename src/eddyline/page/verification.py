"""Verification results of a manifest as sentences, each derived from the figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eddyline.core.formatting import format_count, format_size


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One sentence and the full hash behind it, if any; `holds` is None if there is nothing to verify."""

    holds: bool | None
    sentence: str
    sha256: str = ""


def verification_statements(manifest: Mapping[str, Any]) -> list[Statement]:
    """The statements about an asset, most important first."""
    proof, source = manifest["proof"], manifest["source"]
    return [
        _frames(proof["frames_in"], proof["frames_out"]),
        *_samples(proof.get("frame_samples") or {}),
        _keyframes(proof["idr_grid_equal"], len(proof["frames_out"])),
        _audio(proof["audio_samples"]),
        _telemetry(proof, source["telemetry"]),
        *_authoring(proof.get("authoring") or {}),
        Statement(
            holds=True,
            sentence=f"Encoded in {format_count(proof['chunks'], 'chunk')}, cut and joined by frame number.",
        ),
    ]


def _frames(frames_in: int, frames_out: Mapping[str, int]) -> Statement:
    source = f"{format_count(frames_in, 'frame')} in"
    wrong = {name: out for name, out in frames_out.items() if out != frames_in}
    if wrong:
        counts = ", ".join(f"{out:,} in {name}" for name, out in wrong.items())
        return Statement(holds=False, sentence=f"{source}, but {counts}.")
    each = f" in each of {len(frames_out)} renditions" if len(frames_out) > 1 else ""
    return Statement(holds=True, sentence=f"{source}, {format_count(frames_in, 'frame')} out{each}.")


def _samples(samples: Mapping[str, Mapping[str, Any]]) -> list[Statement]:
    """No statement for manifests of version 1, which have no frame samples."""
    if not samples:
        return []
    compared = sum(each["compared"] for each in samples.values())
    worst = min(each["worst_psnr_db"] for each in samples.values())
    scope = f" of {len(samples)} renditions" if len(samples) > 1 else ""
    return [
        Statement(
            holds=True,
            sentence=f"{format_count(compared, 'frame')}{scope} compared with FFmpeg's own decode of the"
            f" original: each matches its source frame in content, orientation and color"
            f" (at least {worst:.1f} dB).",
        )
    ]


def _authoring(authoring: Mapping[str, Any]) -> list[Statement]:
    """No statement without packaging, and for manifests of earlier releases."""
    if not authoring:
        return []
    checked = f"HLS and DASH checked against {format_count(authoring['rules'], 'authoring rule')}"
    open_rules = [each["rule"] for each in authoring["violated"]]
    if not open_rules:
        return [Statement(holds=True, sentence=f"{checked}: all are followed.")]
    return [Statement(holds=True, sentence=f"{checked}; not followed: {', '.join(open_rules)}.")]


def _keyframes(equal: bool, renditions: int) -> Statement:  # noqa: FBT001 - a finding
    if not equal:
        return Statement(holds=False, sentence="Keyframes differ between the renditions.")
    if renditions == 1:
        return Statement(holds=True, sentence="Keyframes are exactly on the frame grid.")
    return Statement(holds=True, sentence="Keyframes are at the same frames in all renditions.")


def _audio(samples: list[int]) -> Statement:
    if not samples:
        return Statement(holds=None, sentence="The source has no audio.")
    if len(samples) == 1:
        tracks = f"{format_count(samples[0], 'audio sample')}, encoded in one piece"
    else:
        each = ", ".join(f"{number:,}" for number in samples)
        tracks = f"{len(samples)} audio tracks ({each} samples), each encoded in one piece"
    return Statement(holds=True, sentence=f"{tracks}: no audible joins.")


def _telemetry(proof: Mapping[str, Any], source: Mapping[str, Any] | None) -> Statement:
    before, after = proof["telemetry_sha256_in"], proof["telemetry_sha256_out"]
    if source is None or before is None:
        return Statement(holds=None, sentence="The source has no telemetry.")
    if before != after:
        return Statement(holds=False, sentence="The telemetry differs from the source's.", sha256=after or "")
    extent = f"{format_count(source['payloads'], 'payload')}, {format_size(source['bytes'])}"
    return Statement(holds=True, sentence=f"Telemetry is byte-identical: {extent},", sha256=before)
