"""An asset with all parts that its publication needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.unit.pipeline.source_facts import facts

from eddyline.core.identity import canonical
from eddyline.graph.job import Done, Job, NewJob
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.worker.handler import JobContext
from eddyline.media.ladder import profile as profiles
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.planning.plan_jobs import plan_jobs
from eddyline.pipeline.runtime.history import history_from_spec
from eddyline.pipeline.runtime.parts import PartStore
from eddyline.pipeline.runtime.runtime import Runtime
from eddyline.pipeline.steps.table import handlers
from eddyline.store.store import Store

ASSET = "0123456789abcdef"


def toolchain(identity: str = "one") -> Toolchain:
    """A toolchain whose programs are never started."""
    return Toolchain(
        ffmpeg=Path("ffmpeg"),
        ffprobe=Path("ffprobe"),
        packager=Path("packager"),
        ffmpeg_version="9.0",
        packager_version="3.4",
        ffmpeg_sha256=identity,
        encoders=frozenset(),
        identity=identity,
    )


class PreparedAsset:
    """A store with all parts of one asset; `content` is that of its renditions, `stream` the files
    of its stream by name (None: it has none)."""

    def __init__(
        self,
        store: Store,
        scratch: Path,
        *,
        content: bytes = b"content",
        identity: str = "one",
        stream: Mapping[str, Path] | None = None,
    ) -> None:
        self.store = store
        self.runtime = Runtime(
            store=store, tools=toolchain(identity), scratch=scratch, history=history_from_spec
        )
        profile = profiles.load_profile("fast").model_copy(update={"package": stream is not None})
        self.plan = Plan.create(
            asset=ASSET, name="a.mp4", facts=facts(frames=60), profile=profile, toolchain=identity
        )
        store.put_bytes(self.plan.key, canonical(self.plan.to_json()))
        self._content = content
        self._files = scratch / "files"
        self._save_all_parts()
        if stream is not None:
            self.save_stream(stream)

    def job(self, kind: str) -> Job:
        """Returns the plan's job of this kind, as a worker receives it."""
        new: NewJob = next(job for job in plan_jobs(self.plan, "request") if job.kind == kind)
        with Ledger.open(self._files / f"{kind}.sqlite") as ledger:
            ledger.submit([NewJob(id=new.id, asset=new.asset, kind=kind, spec=new.spec)])
            found = ledger.job(new.id)
        assert found is not None
        return found

    def save_stream(self, paths: Mapping[str, Path]) -> None:
        """Stores the files of the stream, by their names in the asset; may move them."""
        result: dict[str, Any] = {"hls": "stream/master.m3u8", "dash": "stream/manifest.mpd"}
        result |= {"durations_s": {"hls": {}, "dash": {}}, "authoring": {"rules": 1, "violated": []}}
        PartStore(self.store).save(self.plan.part_key("package"), paths, result, 0.0)

    def run(self, job: Job, context: JobContext | None = None) -> Done:
        """Run a job."""
        return handlers(self.runtime)[job.kind](job, context or JobContext(attempt=1))

    def manifest(self) -> dict[str, Any]:
        """Returns the published manifest."""
        manifest: dict[str, Any] = json.loads(self.store.get(f"assets/{ASSET}/manifest.json"))
        return manifest

    def _save_all_parts(self) -> None:
        rendition = {"frames": 60, "bytes": len(self._content), "sha256": self._content.hex(), "idr": [0]}
        rendition |= {
            "telemetry_sha256": None,
            "audio_samples": [96000],
            "chapters": [{"frame": 0, "time_s": 0.0, "title": "a"}],
        }
        rendition |= {
            "frame_samples": {"compared": 9, "worst_psnr_db": 41.5},
            "proof_cpu_s": 0.1,
            "duration_s": 2.002,
        }
        audio = {"language": "und", "codec": "aac", "channels": 2, "sample_rate": 48000, "samples": 96000}
        loudness = {"integrated_lufs": -20.0, "range_lu": 1.0, "true_peak_dbtp": -1.0}
        self._save_part("inspect", {})
        self._save_part("poster", {}, poster=b"jpeg")
        self._save_part("samples", {})
        self._save_part("pictures", {"thumbnails": [], "storyboard": None, "highlights": []})
        paths = dict.fromkeys(("payloads", "udta", "json", "gpx", "geojson", "svg", "highlights"))
        self._save_part(
            "telemetry", {"paths": paths, "camera": None, "streams": {}, "gps": None, "warnings": []}
        )
        self._save_part("audio", {**audio, "loudness": loudness}, 0)
        for chunk in self.plan.chunks:
            self._save_part("chunk", {}, chunk.index)
        for rung in self.plan.rungs:
            self._save_part("assemble", rendition, rung.name, **{rung.name: self._content})
        values = {"vmaf": [[93.0, 95.0]], "psnr": [[41.0, 42.0]], "ssim": [[0.98, 0.99]]}
        self._save_part("quality", {"windows": {rung.name: values for rung in self.plan.rungs}}, 0)

    def _save_part(
        self, kind: str, result: dict[str, Any], index: int | str | None = None, **files: bytes
    ) -> None:
        suffix = {"poster": ".jpg", "assemble": ".mp4"}.get(kind, "")
        self._files.mkdir(parents=True, exist_ok=True)
        paths = {}
        for name, content in files.items():
            paths[name + suffix] = self._files / name
            paths[name + suffix].write_bytes(content)
        PartStore(self.store).save(self.plan.part_key(kind, index), paths, result, 0.0)
