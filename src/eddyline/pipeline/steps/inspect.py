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
from eddyline.media.source.sniff import HEAD, container_of
from eddyline.media.source.source import SourceFacts
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie
from eddyline.pipeline.planning.destination import require
from eddyline.pipeline.planning.job_spec import InspectSpec
from eddyline.pipeline.planning.plan import Plan, jobs, parts_folder
from eddyline.pipeline.runtime.read_counter import BYTES_READ, ReadCounter
from eddyline.pipeline.runtime.runtime import SOURCE, SOURCE_SUBTITLES, Runtime
from eddyline.pipeline.runtime.source_files import Chapter, SourceFile
from eddyline.pipeline.runtime.source_reader import SourceReader, arrived, local
from eddyline.store.ranges import Ranges


def inspect(bench: Runtime) -> Handler:
    """The handler of `inspect` jobs: facts, plan, and all the jobs that the plan asks for."""

    def handle(job: Job, context: JobContext) -> Done:
        started, stop, tally = time.thread_time(), context.stop, ReadCounter()
        spec = InspectSpec.of(job)
        require(bench.store, job)
        with bench.workplace(job, stop) as work, files.translate_errors(f"inspecting {spec.name}"):
            runner = bench.runner(job, work, stop)
            plan, route = _Inspection(bench=bench, spec=spec, runner=runner, work=work, tally=tally).plan()
        bench.store.put_bytes(plan.key, canonical(plan.to_json()))
        cpu = runner.cpu_s + time.thread_time() - started
        bench.parts.keep(plan.part("inspect"), {}, _result(bench.sources.chapters(plan.asset)), cpu)
        return Done(
            result={"plan": plan.key, BYTES_READ: tally.bytes},
            spawn=jobs(plan, spec.ask, spec.terms, route),
        )

    return handle


@dataclass(frozen=True, kw_only=True)
class _Inspection:
    """One look at one source."""

    bench: Runtime
    spec: InspectSpec
    runner: Runner
    work: Path
    tally: ReadCounter

    def plan(self) -> tuple[Plan, Route]:
        spec = self.spec
        original = self.bench.sources.find(spec.asset)
        chapters = self.bench.sources.chapters(spec.asset)
        if chapters:
            facts, source = self._merged(chapters), self._part
        else:
            facts, source = self._single(original)
        # A rewrapped source is still known by, and reported as, the files that the user gave.
        size = sum(chapter.original.size for chapter in chapters) or original.size
        facts = replace(facts, fingerprint=spec.fingerprint, bytes=size)
        profile = spec.profile
        route = self.bench.route(profile, facts.video)
        plan = Plan.make(
            asset=spec.asset,
            name=spec.name,
            facts=facts,
            profile=profile,
            toolchain=self.bench.tools.identity,
            source=source,
            encoders=route.encoders,
        )
        return plan, route

    @property
    def _part(self) -> str:
        """The part that holds the source as one MP4, where it is none by itself."""
        return f"{parts_folder(self.spec.asset)}/source"

    def _single(self, original: SourceFile) -> tuple[SourceFacts, str]:
        opening = arrived(
            original,
            work=self.work,
            runner=self.runner,
            tools=self.bench.tools,
            tally=self.tally,
        )
        with opening as found:
            facts = self._facts(found.src, found.movie, found.container, found)
            if found.wrapped is None:
                return facts, ""
            texts = enumerate(found.subtitles.files if found.subtitles else ())
            made = {SOURCE_SUBTITLES.format(number): path for number, path in texts}
            self.bench.parts.keep(self._part, {SOURCE: found.wrapped, **made}, {}, 0.0)
            return facts, self._part

    def _merged(self, chapters: Sequence[Chapter]) -> SourceFacts:
        """The recording as one file is a part, made once, whatever kills us after."""
        part = self.bench.parts.find(self._part)
        if part is None:
            whole = self.work / "merged.mp4"
            check = self.runner.stop.check
            paths = [
                local(each.original, self.work / f"chapter-{number}", check=check, tally=self.tally)
                for number, each in enumerate(chapters, 1)
            ]
            join_chapters(paths, whole, check=check)
            part = self.bench.parts.keep(self._part, {SOURCE: whole}, {}, 0.0)
        with self.bench.store.ranges(part.file(SOURCE)) as src, self.tally.counting(src):
            movie = read_movie(src)
            main_video(movie)
            return self._facts(src, movie, container_of(src.read(0, min(HEAD, src.size))))

    def _facts(
        self, src: Ranges, movie: Movie, container: str, found: SourceReader | None = None
    ) -> SourceFacts:
        return probe(
            CancellableReads(src, self.runner.stop.check),
            movie,
            runner=self.runner,
            tools=self.bench.tools,
            work=self.work,
            container=container,
            left_out=found.left_out if found else (),
            subtitles=found.own_subtitles if found else None,
            chapters=found.own_chapters if found else None,
            codec=found.codec if found else "",
        )


def _result(chapters: Sequence[Chapter]) -> dict[str, Any]:
    """What the manifest says of a recording's files."""
    told = [
        {"name": each.original.name, "bytes": each.original.size, "fingerprint": each.fingerprint}
        for each in chapters
    ]
    return {"chapters": told} if told else {}
