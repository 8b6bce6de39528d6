"""The proof in words. Every sentence is worked out from the figures: what does not hold is said so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eddyline.core.formatting import format_count, format_size


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One sentence; `holds` is None where there is nothing to prove. `sha256` is the whole hash behind it."""

    holds: bool | None
    sentence: str
    sha256: str = ""


def statements(manifest: Mapping[str, Any]) -> list[Statement]:
    """What the manifest proves, in the order of what matters."""
    proof, source = manifest["proof"], manifest["source"]
    return [
        _frames(proof["frames_in"], proof["frames_out"]),
        *_samples(proof.get("frame_samples") or {}),
        _keyframes(proof["idr_grid_equal"], len(proof["frames_out"])),
        _sound(proof["audio_samples"]),
        _telemetry(proof, source["telemetry"]),
        Statement(
            holds=True,
            sentence=f"Encoded in {format_count(proof['chunks'], 'chunk')}, cut and joined by frame number.",
        ),
    ]


def _frames(frames_in: int, frames_out: Mapping[str, int]) -> Statement:
    came_in = f"{format_count(frames_in, 'frame')} in"
    wrong = {name: out for name, out in frames_out.items() if out != frames_in}
    if wrong:
        those = ", ".join(f"{out:,} in {name}" for name, out in wrong.items())
        return Statement(holds=False, sentence=f"{came_in}, but {those}.")
    each = f" in each of {len(frames_out)} renditions" if len(frames_out) > 1 else ""
    return Statement(holds=True, sentence=f"{came_in}, {format_count(frames_in, 'frame')} out{each}.")


def _samples(found: Mapping[str, Mapping[str, Any]]) -> list[Statement]:
    """Manifests of version 1 have no such figures."""
    if not found:
        return []
    compared = sum(each["compared"] for each in found.values())
    worst = min(each["worst_psnr_db"] for each in found.values())
    among = f" of {len(found)} renditions" if len(found) > 1 else ""
    return [
        Statement(
            holds=True,
            sentence=f"{format_count(compared, 'frame')}{among} compared with FFmpeg's own decode of the"
            " original: each is its own source frame, upright and in the"
            f" right colours (at least {worst:.1f} dB).",
        )
    ]


def _keyframes(equal: bool, renditions: int) -> Statement:  # noqa: FBT001 - a finding
    if not equal:
        return Statement(holds=False, sentence="Keyframes differ between the renditions.")
    if renditions == 1:
        return Statement(holds=True, sentence="Keyframes stand exactly on the grid of frames.")
    return Statement(holds=True, sentence="Keyframes stand at the same frames in all of them.")


def _sound(samples: list[int]) -> Statement:
    if not samples:
        return Statement(holds=None, sentence="The source has no sound.")
    if len(samples) == 1:
        said = f"{format_count(samples[0], 'sample')} of sound, encoded in one piece: no join can be heard."
        return Statement(holds=True, sentence=said)
    each = ", ".join(f"{number:,}" for number in samples)
    said = (
        f"{len(samples)} tracks of sound ({each} samples), each encoded in one piece: no join can be heard."
    )
    return Statement(holds=True, sentence=said)


def _telemetry(proof: Mapping[str, Any], told: Mapping[str, Any] | None) -> Statement:
    before, after = proof["telemetry_sha256_in"], proof["telemetry_sha256_out"]
    if told is None or before is None:
        return Statement(holds=None, sentence="The source has no telemetry.")
    if before != after:
        return Statement(holds=False, sentence="The telemetry was changed.", sha256=after or "")
    what = f"{format_count(told['payloads'], 'payload')}, {format_size(told['bytes'])}"
    return Statement(holds=True, sentence=f"Telemetry identical byte for byte: {what},", sha256=before)
