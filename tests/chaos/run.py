"""A whole trial: the undisturbed run, the storm on the same footage, and whether they agree."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos import checks, footage
from tests.chaos.actions import DRIZZLE, Actor
from tests.chaos.audit import Audit
from tests.chaos.disturbances import Mode, plan
from tests.chaos.environment import Site, Tuning, site
from tests.chaos.fault_schedule import Storm, StuckError
from tests.chaos.processes import Member, at_work_in
from tests.chaos.report import Figures
from tests.chaos.workload import Submitter, submissions
from tests.servers.network import FINE

from eddyline.core.errors import MissingError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.planning.output_layout import manifest_key, parts_prefix

WORKERS, COORDINATORS = 4, 2
_LATE_S = 4.0  # for the answers of those that were frozen when everything else was done


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What to try: `seconds` of storm; `sources` are video files, `folder` is for everything that is made."""

    folder: Path
    sources: Sequence[Path]
    mode: Mode
    seed: int
    seconds: float


def run(
    setting: Setting, say: Callable[[str], None], *, expected: Mapping[str, Any] | None = None
) -> Figures:
    """Try it; what does not hold is in the figures' complaints.

    `expected`: the manifests of an undisturbed run by name, where they are known already. Raises the servers'
    `NoServerError`.
    """
    setting.folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    if expected is None:
        say(f"undisturbed: {len(setting.sources)} sources")
        expected = undisturbed(setting.folder / "end_disturbances", setting.sources, setting.folder)
    calm_s = time.monotonic() - began
    tuning = Tuning()
    with site(setting.folder, mode=setting.mode, seed=setting.seed, tuning=tuning, workers=WORKERS) as where:
        storm = _prepared(setting, where, say)
        try:
            return _weathered(setting, where, storm, expected, calm_s)
        finally:
            storm.supply.abandon()
            for member in storm.actor.members:
                member.kill()


def undisturbed(out: Path, sources: Sequence[Path], profiles: Path) -> dict[str, Any]:
    """The manifests of an embedded run that nothing disturbs, by the sources' names."""
    argv = [sys.executable, "-m", "eddyline", "run", *map(str, sources), "--out", str(out), "--no-merge"]
    argv += ["--profile", str(footage.profile(profiles, 0)), "--json"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the undisturbed run failed: {done.stdout[-1500:]}{done.stderr[-1500:]}")
    found = [json.loads(path.read_text()) for path in out.glob("assets/*/manifest.json")]
    return {manifest["source"]["name"]: manifest for manifest in found}


def _prepared(setting: Setting, where: Site, say: Callable[[str], None]) -> Storm:
    """Everything in place, and nothing started."""
    for number in range(WORKERS):
        where.work(number).mkdir()
    Ledger.open(where.ledger.url).close()
    audit = Audit(where.ledger.url)
    audit.begin()
    addresses = {path.name: where.upload(path) for path in setting.sources}
    supply = Submitter(
        log=setting.folder / "submit.log",
        command=lambda wish: where.submit(wish.address, wish.profile),
        source=submissions(addresses, lambda wave: footage.profile(setting.folder, wave)),
        rng=random.Random(setting.seed + 1),
    )
    coordinators = COORDINATORS if setting.mode is Mode.SQS else 0
    actor = Actor(
        site=where,
        busy=audit.busy,
        workers=[_member(where, "worker", where.worker, number) for number in range(WORKERS)],
        coordinators=[
            _member(where, "coordinator", where.coordinator, number) for number in range(coordinators)
        ],
    )
    lease_s = where.tuning.lease_s
    disturbances = plan(
        setting.seed, seconds=setting.seconds, mode=setting.mode, lease_s=lease_s, workers=WORKERS
    )
    return Storm(actor=actor, supply=supply, audit=audit, plan=disturbances, seconds=setting.seconds, say=say)


def _member(where: Site, kind: str, make: Callable[[int], Any], number: int) -> Member:
    name = f"{kind}-{number}"
    return Member(name=name, log=where.folder / f"{name}.log", make=lambda: make(number))


def _weathered(
    setting: Setting, where: Site, storm: Storm, expected: Mapping[str, Any], calm_s: float
) -> Figures:
    complaints = []
    began = time.monotonic()
    storm.actor.start()
    where.network.weather = where.way_to_media.weather = DRIZZLE
    settled_s = 0.0
    try:
        storm.rage()
        settled_s = storm.settle()
        time.sleep(_LATE_S)
    except StuckError as error:
        complaints.append(str(error))
    storm_s = time.monotonic() - began
    where.network.weather = where.way_to_media.weather = FINE
    storm.actor.stop_all()
    rows, changes = storm.audit.rows(), storm.audit.changes()
    manifests = _manifests(where, {row.asset for row in rows})
    complaints += checks.all_done(rows, manifests)
    complaints += checks.done_once(rows, changes)
    complaints += checks.fenced(changes)
    complaints += checks.alike(manifests, expected, times=storm.supply.accepted)
    complaints += checks.departures(storm.actor.departures)
    complaints += checks.nothing_left(scratch=_scratch(where), processes=at_work_in(setting.folder))
    untidy = _untidy(where)
    complaints += checks.tidied(untidy, manifests)
    return Figures(
        mode=setting.mode,
        seed=setting.seed,
        cores=len(os.sched_getaffinity(0)),
        sources=len(setting.sources),
        calm_s=calm_s,
        storm_s=storm_s,
        settled_s=settled_s,
        assets=sum(storm.supply.accepted.values()),
        published=len(manifests),
        disturbances=dict(storm.actor.done),
        missed=storm.actor.missed,
        network=where.network.fates(),
        way_to_media=where.way_to_media.fates(),
        submissions=(storm.supply.killed, storm.supply.refused, storm.supply.repeated),
        departures=tuple(storm.actor.departures),
        redone=checks.redone(rows),
        slot_seconds=checks.slot_seconds(changes),
        lost=sum(change.before == "running" and change.after in {"ready", "running"} for change in changes),
        ignored=_ignored(storm.actor.coordinators),
        untidy=len(untidy),
        uploads=len(where.media.uploads(where.bucket)),
        complaints=tuple(complaints),
    )


def _manifests(where: Site, assets: set[str]) -> dict[str, Any]:
    store, found = where.open_store(), {}
    for asset in sorted(assets):
        try:
            found[asset] = json.loads(store.get(manifest_key(asset)))
        except MissingError:
            continue
    return found


def _scratch(where: Site) -> list[str]:
    """What lies in the workers' folders now that all of them went in good order."""
    folders = [where.work(number) for number in range(WORKERS)]
    return [str(path.relative_to(where.folder)) for folder in folders for path in folder.rglob("*")]


def _untidy(where: Site) -> set[str]:
    """Assets of which the store still has what was made on the way to them."""
    folder = parts_prefix("")
    return {key.removeprefix(folder).split("/")[0] for key in where.open_store().list(folder.rstrip("/"))}


def _ignored(coordinators: Sequence[Member]) -> int:
    """How much of what workers said did not count, as the coordinators' logs tell."""
    lines = (line for each in coordinators for line in each.lines() if '"event": "ignored"' in line)
    return sum(int(json.loads(line)["count"]) for line in lines)
