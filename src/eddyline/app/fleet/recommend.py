"""Wires `eddyline fleet plan --budget` and `--deadline`: pools, prices, the load and the simulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from eddyline.app.fleet.plan import CatalogueFiles
from eddyline.app.shared_services import SharedServices
from eddyline.core.errors import UsageError
from eddyline.fleet.catalogue.catalogue import read_catalogue
from eddyline.sim.market.generated_spec import Preset
from eddyline.sim.recommend.candidates import candidates, other_pools
from eddyline.sim.recommend.evaluate import Evaluator, PlanFigures
from eddyline.sim.recommend.load import Load, daily_load, load_of
from eddyline.sim.recommend.search import Recommendation, Search
from eddyline.sim.scenario import read_scenario
from eddyline.sim.types import TypeFigures, builtin_types, types_from_catalogue
from eddyline.sim.workload.workload import Workload

DEFAULT_CLIPS_PER_DAY = 10_000.0
_RECORDED = {".jsonl", ".csv"}
TABLE_PRICES = "the built-in table: us-east-1, On-Demand of 2026-07-20, Spot of 2025-06-28"


@dataclass(frozen=True, kw_only=True)
class RecommendOptions:
    """What the command line says; either `budget_usd` (a month) or `deadline_s` is given."""

    budget_usd: float | None = None
    deadline_s: float | None = None
    load: Path | None = None
    clips_per_day: float | None = None
    market: Preset = "scarce"
    pool: str = ""
    region: str = "us-east-1"
    frame_rate: float = 30.0
    work: float = 1.0


@dataclass(frozen=True, kw_only=True)
class RecommendedPools:
    """The recommendation, the conditions it holds for, and the best plans of pools of other architectures."""

    found: Recommendation
    load: Load
    market: str
    prices: str
    elsewhere: tuple[PlanFigures, ...]


def recommend_pools(
    options: RecommendOptions, files: CatalogueFiles, progress: Callable[[str], None]
) -> RecommendedPools:
    """Simulate candidates; raises `UsageError` for wrong options or files, and where no plan fits."""
    if (options.budget_usd is None) == (options.deadline_s is None):
        raise UsageError("--budget and --deadline exclude each other", remedy="pass one of them")
    pools = SharedServices.from_options().pools()
    types, prices = _types(files, options.region)
    own = candidates(types, pools, pool=options.pool)
    load = _load(options)
    search = Search(Evaluator(load, market=options.market), own, progress)
    if options.deadline_s is not None:
        found = search.cheapest(options.deadline_s)
    else:
        found = search.fastest(options.budget_usd or 0.0)
    elsewhere = []
    for name in other_pools(pools, own[0].pool.name):
        try:
            others = candidates(types, pools, pool=name)
        except UsageError:  # files without types of that architecture
            continue
        elsewhere.append(search.compared(others, found.best))
    return RecommendedPools(
        found=found, load=load, market=options.market, prices=prices, elsewhere=tuple(elsewhere)
    )


def _types(files: CatalogueFiles, region: str) -> tuple[Mapping[str, TypeFigures], str]:
    """The types and where their prices are from: all files are given, or none."""
    given = {
        "--instance-types": files.instance_types,
        "--prices": files.prices,
        "--advisor": files.advisor,
        "--throughput": files.throughput,
    }
    missing = [name for name, path in given.items() if path is None]
    if len(missing) == len(given):
        return builtin_types(), TABLE_PRICES
    if missing:
        raise UsageError(
            f"a recommendation needs {', '.join(missing)} as well",
            remedy="pass all four files, or none for the built-in table",
        )
    catalogue = read_catalogue(
        region=region,
        instance_types=files.instance_types,
        prices=files.prices,
        advisor=files.advisor,
        throughput=files.throughput,
    )
    return types_from_catalogue(catalogue), f"{files.prices} and {files.advisor}, {region}"


def _load(options: RecommendOptions) -> Load:
    path = options.load
    if path is None:
        clips = DEFAULT_CLIPS_PER_DAY if options.clips_per_day is None else options.clips_per_day
        return daily_load(clips, frame_rate=options.frame_rate, work=options.work)
    if options.clips_per_day is not None:
        raise UsageError("--load and --clips-per-day exclude each other", remedy="pass one of them")
    if path.suffix.lower() not in _RECORDED:
        return load_of(read_scenario(path).workload)
    base = Workload(frames_per_second=options.frame_rate)
    speed = base.encode_fps() / options.work
    return load_of(base.model_copy(update={"recorded": str(path), "encode_speed": speed}))
