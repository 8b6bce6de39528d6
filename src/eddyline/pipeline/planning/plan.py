"""The plan of an asset and its jobs. It depends on the source's facts and the profile, not on the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from eddyline.core.identity import digest
from eddyline.media.audio.renditions import AudioRendition, audio_renditions
from eddyline.media.ladder.chunks import Chunk, Grid, frame_grid, plan_families
from eddyline.media.ladder.encoders import DEFAULT_ENCODERS, is_hardware
from eddyline.media.ladder.ladder import Rung, rungs
from eddyline.media.ladder.profile import Profile
from eddyline.media.ladder.size_limit import with_size_limit
from eddyline.media.ladder.software_rungs import software_rungs
from eddyline.media.quality.sampling import sampling_jobs
from eddyline.media.source.source import SourceFacts
from eddyline.pipeline.planning.job_ids import PLAN_PREFIX, job_name
from eddyline.pipeline.planning.job_kinds import JobKind, Per, job_kind
from eddyline.pipeline.planning.output_layout import parts_prefix
from eddyline.pipeline.planning.plan_json import plan_to_json, plan_values
from eddyline.pipeline.planning.preview import Preview, plan_preview, with_preview_chunk
from eddyline.pipeline.planning.selection import Analysis, Selection, plan_analyses

RECIPE_VERSION = 4
"""Part of every output's key. Increase it when the same plan would produce other bytes than before."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that the steps of one asset need to know.

    `asset` is its id, `name` the source's file name. `source` is the key of the part that holds the source
    remuxed to MP4; empty if the source itself is MP4. `toolchain` identifies the programs. `chunks` end with
    that of the preview's first segment, if there is a preview. `selection` is what the analysis chose; a plan
    whose CRFs are to be found is a draft without it.
    """

    asset: str
    name: str
    facts: SourceFacts
    profile: Profile
    rungs: tuple[Rung, ...]
    grid: Grid
    chunks: tuple[Chunk, ...]
    toolchain: str
    source: str = ""
    preview: Preview | None = None
    selection: Selection | None = None

    @classmethod
    def create(
        cls,
        *,
        asset: str,
        name: str,
        facts: SourceFacts,
        profile: Profile,
        toolchain: str,
        source: str = "",
        encoders: Mapping[str, str] = DEFAULT_ENCODERS,
    ) -> Plan:
        """Choose rungs, grid and chunks. `encoders` by codec, for rungs that name none."""
        ladder = with_size_limit(rungs(profile, facts.video, encoders), profile, facts)
        grid = frame_grid(
            gop_s=profile.gop_s,
            segment_s=profile.segment_s,
            fps=facts.video.fps * ladder[0].fields,
            # Chunks begin with whole source frames.
            steps=(*(rung.frame_step for rung in ladder), ladder[0].fields),
        )
        chunks = plan_families(facts.video.frames, grid, ladder)
        plan = cls(
            asset=asset,
            name=name,
            facts=facts,
            profile=profile,
            rungs=ladder,
            grid=grid,
            chunks=chunks,
            toolchain=toolchain,
            source=source,
        )
        return plan if plan.is_draft else plan.with_preview()

    def complete(self, selection: Selection) -> Plan:
        """The plan with what the analysis of this draft chose. Grid and chunks stay those of the draft."""
        rungs = tuple(rung for rung in self.rungs if rung.name not in selection.dropped)
        return replace(self, rungs=rungs, selection=selection).with_preview()

    def with_preview(self) -> Plan:
        """The plan with a preview, if the source and the profile allow one."""
        preview = plan_preview(self.profile, self.facts, self.rungs, self.grid, self.chunks)
        family = next((rung.family for rung in self.rungs if preview and rung.name == preview.rung), "")
        return replace(self, chunks=with_preview_chunk(self.chunks, preview, family), preview=preview)

    @cached_property
    def is_draft(self) -> bool:
        """Whether the CRFs must be found before the source can be encoded."""
        return self.selection is None and bool(self.analyses)

    @cached_property
    def analyses(self) -> tuple[Analysis, ...]:
        """The jobs that find the CRFs of a draft; empty if the profile fixes them, or none can be found."""
        if self.profile.smart is None or self.selection is not None:
            return ()
        return plan_analyses(self.facts.video, self.rungs, self.chunks)

    @cached_property
    def digest(self) -> str:
        """Hex digest that names the outputs: that of the draft, and of what its analysis chose."""
        if self.selection is None:
            return self.draft_digest
        return digest(self.draft_digest, self.selection.to_json())

    @cached_property
    def draft_digest(self) -> str:
        """Hex digest of source, profile, toolchain, encoders and recipe version."""
        non_default = {
            rung.codec: rung.encoder for rung in self.rungs if rung.encoder != DEFAULT_ENCODERS[rung.codec]
        }
        inputs = (RECIPE_VERSION, self.facts.fingerprint, self.profile.digest(), self.toolchain)
        return digest(*inputs, *([non_default] if non_default else []))

    @property
    def key(self) -> str:
        """The plan's key in the store."""
        return f"{parts_prefix(self.asset)}/{PLAN_PREFIX}{self.digest[:16]}.json"

    @property
    def prefix(self) -> str:
        """The prefix of all parts of this plan."""
        return f"{parts_prefix(self.asset)}/{self.digest[:16]}"

    @property
    def families(self) -> tuple[str, ...]:
        """The codec families, in the order of playlists."""
        return tuple(dict.fromkeys(rung.family for rung in self.rungs))

    def rungs_of(self, family: str, *, software: bool = False) -> tuple[Rung, ...]:
        """The rungs of a family, largest first; `software`: as encoded after the failure of a device."""
        ladder = self.rungs
        if software:
            ladder = with_size_limit(software_rungs(self.profile, self.facts.video), self.profile, self.facts)
        return tuple(rung for rung in ladder if rung.family == family)

    def has_hardware(self, family: str) -> bool:
        """Whether hardware encoders are planned for a family."""
        return any(is_hardware(rung.encoder) for rung in self.rungs_of(family))

    def family_of(self, chunk: int) -> str:
        """The family of chunk number `chunk`."""
        return {each.index: each.family for each in self.chunks}[chunk]

    def chunks_of(self, family: str) -> tuple[Chunk, ...]:
        """The chunks of a family, in order, without that of the preview."""
        return tuple(chunk for chunk in self.chunks if chunk.family == family and not chunk.rung)

    def chunks_of_rung(self, rung: Rung) -> tuple[Chunk, ...]:
        """The chunks with the frames of a rendition, in order."""
        own = tuple(chunk for chunk in self.chunks if chunk.rung == rung.name)
        return (*own, *self.chunks_of(rung.family))

    def rungs_of_chunk(self, chunk: Chunk, *, software: bool = False) -> tuple[Rung, ...]:
        """The rungs that a chunk encodes, largest first, with its CRFs; `software` as for `rungs_of`."""
        return tuple(
            replace(rung, crf=self.crfs(rung)[self._place(chunk)])
            for rung in self.rungs_of(chunk.family, software=software)
            if chunk.rung in ("", rung.name)
        )

    def crfs(self, rung: Rung) -> tuple[float, ...]:
        """The CRFs of a rung for the chunks of its family, in order."""
        found = None if self.selection is None else self.selection.crfs.get(rung.name)
        return found or (rung.crf,) * len(self.chunks_of(rung.family))

    def _place(self, chunk: Chunk) -> int:
        """The place of a chunk among those of its family; that of the preview has the frames of the first."""
        return 0 if chunk.rung else chunk.index - self.chunks_of(chunk.family)[0].index

    def extension_chunks(self, size: int) -> tuple[Chunk, ...]:
        """The chunks with the frames of the preview once it has the first `size` chunks of its family."""
        if self.preview is None:
            return ()
        rung = self.rung(self.preview.rung)
        return (
            tuple(chunk for chunk in self.chunks_of_rung(rung) if chunk.rung)
            + self.chunks_of(rung.family)[:size]
        )

    def skipped(self, chunk: Chunk) -> dict[str, int]:
        """By rung, the number of its first frames that a chunk leaves out, because the preview has them."""
        if self.preview is None or chunk.start or chunk.rung:
            return {}
        return {
            rung.name: self.preview.frames // rung.frame_step
            for rung in self.rungs_of(chunk.family)
            if rung.name == self.preview.rung and self.preview.frames
        }

    def rung(self, name: object) -> Rung:
        """The rung of this name. Raises `KeyError`."""
        for rung in self.rungs:
            if rung.name == name:
                return rung
        raise KeyError(name)

    @cached_property
    def audio(self) -> tuple[AudioRendition, ...]:
        """The audio renditions, in the order of their jobs."""
        return audio_renditions(self.facts.audio, self.profile.audio.codec)

    def part_key(self, kind: str, index: int | str | None = None) -> str:
        """The key of the part that the job of `kind` and `index` writes.

        Parts of inspection and analysis are those of the draft.
        """
        planned = job_kind(kind).planned
        prefix = self.prefix if planned else f"{parts_prefix(self.asset)}/{self.draft_digest[:16]}"
        return f"{prefix}/{job_name(kind, index)}"

    def indexes(self, kind: JobKind) -> tuple[int | str | None, ...]:
        """The index of each job of a kind: its chunk or audio rendition, rung name, None for a single job.

        A draft has the jobs of the analysis alone, and a complete plan all others.
        """
        if not kind.planned or self.is_draft:
            return self._draft_indexes(kind.per)
        match kind.per:
            case Per.PREVIEW_EXTENSION:
                return self.preview.extensions if self.preview else ()
            case Per.AUDIO_RENDITION | Per.QUALITY:
                jobs = len(self.audio) if kind.per is Per.AUDIO_RENDITION else self.quality_jobs
                return tuple(range(jobs))
            case Per.CHUNK:
                return tuple(chunk.index for chunk in self.chunks)
            case Per.RUNG:
                return tuple(rung.name for rung in self.rungs)
            case _:
                return (None,) if self._has(kind.per) else ()

    def _draft_indexes(self, per: Per) -> tuple[int | None, ...]:
        if per is Per.ANALYSIS:
            return tuple(range(len(self.analyses)))
        return (None,) if per is Per.DRAFT and self.is_draft else ()

    def _has(self, per: Per) -> bool:
        """Whether the asset has a single job of a kind."""
        match per:
            case Per.ASSET_WITH_SUBTITLES:
                return bool(self.facts.subtitles)
            case Per.PACKAGED_ASSET:
                return self.profile.package
            case Per.PREVIEW:
                return self.preview is not None and self.preview.frames > 0
            case _:
                return True

    @cached_property
    def quality_jobs(self) -> int:
        """The number of jobs that measure the quality."""
        if self.profile.quality == "off":
            return 0
        return sampling_jobs(self.facts.video, self.rungs, self.grid)

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values."""
        return plan_to_json(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Plan:
        """The plan that `to_json` wrote."""
        return cls(**plan_values(values))
