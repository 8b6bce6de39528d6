"""Learn what the footage is, from its index and first frames, and decide everything that follows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eddyline.core import files
from eddyline.core.identity import canonical
from eddyline.core.process import Runner
from eddyline.edit.cancellable_reads import CancellableReads
from eddyline.edit.merge.merge import join_chapters
from eddyline.fleet.routing import Route
from eddyline.graph.job import Done, Job
from eddyline.graph.worker.handler import Handler, JobContext
from eddyline.media.source.open_source import main_video
from eddyline.media.source.probe import probe
from eddyline.media.source.sniff import HEAD_BYTES, detect_container
from eddyline.media.source.source import SourceFacts
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie
from eddyline.pipeline.planning.destination import require_same_store
from eddyline.pipeline.planning.job_spec import InspectSpec
from eddyline.pipeline.planning.plan import Plan, parts_prefix, plan_jobs
from eddyline.pipeline.runtime.read_counter import BYTES_READ, ReadCounter
from eddyline.pipeline.runtime.runtime import SOURCE, SOURCE_SUBTITLES, Runtime
from eddyline.pipeline.runtime.source_files import ChapterFile, SourceFile
from eddyline.pipeline.runtime.source_reader import Mp4Source, local_copy, open_as_mp4
from eddyline.store.ranges import Ranges


def inspect(runtime: Runtime) -> Handler:
    """The handler of `inspect` jobs: facts, plan, and all the jobs that the plan asks for."""

    def handle(job: Job, context: JobContext) -> Done:
        started, stop, read_counter = time.thread_time(), context.stop, ReadCounter()
        spec = InspectSpec.of(job)
        require_same_store(runtime.store, job)
        with runtime.scratch_directory(job, stop) as work, files.translate_errors(f"inspecting {spec.name}"):
            runner = runtime.runner(job, work, stop)
            plan, route = _Inspection(
                runtime=runtime, spec=spec, runner=runner, work=work, read_counter=read_counter
            ).plan()
        runtime.store.put_bytes(plan.key, canonical(plan.to_json()))
        cpu = runner.cpu_s + time.thread_time() - started
        runtime.parts.keep(plan.part("inspect"), {}, _result(runtime.sources.chapters(plan.asset)), cpu)
        return Done(
            result={"plan": plan.key, BYTES_READ: read_counter.bytes},
            spawn=plan_jobs(plan, spec.ask, spec.terms, route),
        )

    return handle


@dataclass(frozen=True, kw_only=True)
class _Inspection:
    """One look at one source."""

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
            facts, source = self._merged(chapters), self._part
        else:
            facts, source = self._single(original)
        # A rewrapped source is still known by, and reported as, the files that the user gave.
        size = sum(chapter.original.size for chapter in chapters) or original.size
        facts = replace(facts, fingerprint=spec.fingerprint, bytes=size)
        profile = spec.profile
        route = self.runtime.route(profile, facts.video)
        plan = Plan.make(
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
    def _part(self) -> str:
        """The part that holds the source as one MP4, where it is none by itself."""
        return f"{parts_prefix(self.spec.asset)}/source"

    def _single(self, original: SourceFile) -> tuple[SourceFacts, str]:
        opening = open_as_mp4(
            original,
            work=self.work,
            runner=self.runner,
            tools=self.runtime.tools,
            read_counter=self.read_counter,
        )
        with opening as found:
            facts = self._facts(found.src, found.movie, found.container, found)
            if found.wrapped is None:
                return facts, ""
            texts = enumerate(found.subtitles.files if found.subtitles else ())
            made = {SOURCE_SUBTITLES.format(number): path for number, path in texts}
            self.runtime.parts.keep(self._part, {SOURCE: found.wrapped, **made}, {}, 0.0)
            return facts, self._part

    def _merged(self, chapters: Sequence[ChapterFile]) -> SourceFacts:
        """The recording as one file is a part, made once, whatever kills us after."""
        part = self.runtime.parts.find(self._part)
        if part is None:
            whole = self.work / "merged.mp4"
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
            join_chapters(paths, whole, check=check)
            part = self.runtime.parts.keep(self._part, {SOURCE: whole}, {}, 0.0)
        with self.runtime.store.ranges(part.file(SOURCE)) as src, self.read_counter.counting(src):
            movie = read_movie(src)
            main_video(movie)
            return self._facts(src, movie, detect_container(src.read(0, min(HEAD_BYTES, src.size))))

    def _facts(
        self, src: Ranges, movie: Movie, container: str, found: Mp4Source | None = None
    ) -> SourceFacts:
        return probe(
            CancellableReads(src, self.runner.stop.check),
            movie,
            runner=self.runner,
            tools=self.runtime.tools,
            work=self.work,
            container=container,
            left_out=found.left_out if found else (),
            subtitles=found.subtitle_facts if found else None,
            chapters=found.own_chapters if found else None,
            codec=found.codec if found else "",
        )


def _result(chapters: Sequence[ChapterFile]) -> dict[str, Any]:
    """What the manifest says of a recording's files."""
    told = [
        {"name": each.original.name, "bytes": each.original.size, "fingerprint": each.fingerprint}
        for each in chapters
    ]
    return {"chapters": told} if told else {}
