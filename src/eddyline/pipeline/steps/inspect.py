"""Inspects a source by its index and first frames, and plans all further jobs of the asset."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eddyline.core import files
from eddyline.core.identity import canonical
from eddyline.core.processes.runner import Runner
from eddyline.edit.cancellable_reads import CancellableReads
from eddyline.fleet.routing import Route
from eddyline.graph.job import Done, Job
from eddyline.graph.worker.handler import Handler, JobContext
from eddyline.media.source.open_source import main_video
from eddyline.media.source.probe import probe
from eddyline.media.source.sniff import HEAD_BYTES, detect_container
from eddyline.media.source.source import SourceFacts
from eddyline.media.video.sphere_facts import with_view
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie
from eddyline.pipeline.planning.destination import require_same_store
from eddyline.pipeline.planning.job_spec import InspectSpec
from eddyline.pipeline.planning.output_layout import parts_prefix
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.planning.plan_jobs import plan_jobs
from eddyline.pipeline.runtime.read_counter import BYTES_READ, ReadCounter
from eddyline.pipeline.runtime.runtime import SOURCE, SOURCE_SUBTITLES, Runtime
from eddyline.pipeline.runtime.source_files import ChapterFile, SourceFile
from eddyline.pipeline.runtime.source_reader import Mp4Source, local_copy, open_as_mp4
from eddyline.store.ranges import Ranges


def inspect(runtime: Runtime) -> Handler:
    """The handler of `inspect` jobs: stores the plan and adds the jobs of the plan."""

    def handle(job: Job, context: JobContext) -> Done:
        started, stop, read_counter = time.thread_time(), context.stop, ReadCounter()
        spec = InspectSpec.parse(job)
        require_same_store(runtime.store, job)
        with runtime.scratch_directory(job, stop) as work, files.translate_errors(f"inspecting {spec.name}"):
            runner = runtime.runner(job, work, context)
            plan, route = _Inspection(
                runtime=runtime, spec=spec, runner=runner, work=work, read_counter=read_counter
            ).plan()
        runtime.store.put_bytes(plan.key, canonical(plan.to_json()))
        cpu_s = runner.cpu_s + time.thread_time() - started
        chapters = runtime.sources.chapters(plan.asset)
        runtime.parts.save(plan.part_key(job.kind), {}, _chapters_to_json(chapters), cpu_s)
        return Done(
            result={"plan": plan.key, BYTES_READ: read_counter.bytes},
            spawn=plan_jobs(plan, spec.request, spec.options, route),
        )

    return handle


@dataclass(frozen=True, kw_only=True)
class _Inspection:
    """The inspection of one source."""

    runtime: Runtime
    spec: InspectSpec
    runner: Runner
    work: Path
    read_counter: ReadCounter

    def plan(self) -> tuple[Plan, Route]:
        spec = self.spec
        original = self.runtime.sources.find(spec.asset)
        chapters = self.runtime.sources.chapters(spec.asset)
        if chapters:
            facts, source = self._inspect_chapters(chapters), self._part_key
        else:
            facts, source = self._inspect_file(original)
        # A remuxed source is still identified by, and reported as, the files that the user submitted.
        size = sum(chapter.original.size for chapter in chapters) or original.size
        profile = spec.profile
        facts = with_view(replace(facts, fingerprint=spec.fingerprint, bytes=size), profile)
        route = self.runtime.route(profile, facts.video)
        plan = Plan.create(
            asset=spec.asset,
            name=spec.name,
            facts=facts,
            profile=profile,
            toolchain=self.runtime.tools.identity,
            source=source,
            encoders=route.encoders,
        )
        return plan, route

    @property
    def _part_key(self) -> str:
        """The key of the part that holds the source as one MP4, if it is not one itself."""
        return f"{parts_prefix(self.spec.asset)}/source"

    def _inspect_file(self, original: SourceFile) -> tuple[SourceFacts, str]:
        opening = open_as_mp4(
            original,
            work=self.work,
            runner=self.runner,
            tools=self.runtime.tools,
            read_counter=self.read_counter,
        )
        with opening as opened:
            facts = self._probe(opened.src, opened.movie, opened.container, opened)
            if opened.remuxed is None:
                return facts, ""
            texts = enumerate(opened.subtitles.files if opened.subtitles else ())
            subtitles = {SOURCE_SUBTITLES.format(number): path for number, path in texts}
            self.runtime.parts.save(self._part_key, {SOURCE: opened.remuxed, **subtitles}, {}, 0.0)
            return facts, self._part_key

    def _inspect_chapters(self, chapters: Sequence[ChapterFile]) -> SourceFacts:
        """Join the chapters to one file, which is stored as a part, so that it is done once."""
        part = self.runtime.parts.find(self._part_key)
        if part is None:
            # Most sources are one file, and merging imports a lot.
            from eddyline.edit.merge.merge import join_chapters  # noqa: PLC0415 - see above

            merged = self.work / "merged.mp4"
            check = self.runner.stop.check
            paths = [
                local_copy(
                    each.original,
                    self.work / f"chapter-{number}",
                    check=check,
                    read_counter=self.read_counter,
                )
                for number, each in enumerate(chapters, 1)
            ]
            join_chapters(paths, merged, check=check)
            part = self.runtime.parts.save(self._part_key, {SOURCE: merged}, {}, 0.0)
        with self.runtime.store.ranges(part.file(SOURCE)) as src, self.read_counter.counting(src):
            movie = read_movie(src)
            main_video(movie)
            return self._probe(src, movie, detect_container(src.read(0, min(HEAD_BYTES, src.size))))

    def _probe(
        self, src: Ranges, movie: Movie, container: str, opened: Mp4Source | None = None
    ) -> SourceFacts:
        return probe(
            CancellableReads(src, self.runner.stop.check),
            movie,
            runner=self.runner,
            tools=self.runtime.tools,
            work=self.work,
            container=container,
            left_out=opened.left_out if opened else (),
            subtitles=opened.subtitle_facts if opened else None,
            chapters=opened.chapters if opened else None,
            codec=opened.codec if opened else "",
        )


def _chapters_to_json(chapters: Sequence[ChapterFile]) -> dict[str, Any]:
    """The manifest's entries for a recording's files; empty for a single file."""
    entries = [
        {"name": each.original.name, "bytes": each.original.size, "fingerprint": each.fingerprint}
        for each in chapters
    ]
    return {"chapters": entries} if entries else {}
