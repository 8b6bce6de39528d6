"""A chaos test: an undisturbed run, a disturbed run of the same footage, and their comparison."""

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

from tests.chaos import checks, fleet_record, footage
from tests.chaos.actions import FEW_FAULTS, Actor
from tests.chaos.audit import Audit
from tests.chaos.disturbances import Mode, plan
from tests.chaos.environment import Site, Tuning, site
from tests.chaos.fault_schedule import FaultRun, StuckError
from tests.chaos.processes import Member, processes_in
from tests.chaos.report import Figures
from tests.chaos.workload import Submitter, submissions
from tests.servers.network import NO_FAULTS

from eddyline.core.errors import MissingError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.planning.output_layout import manifest_key, parts_prefix

WORKERS, COORDINATORS = 4, 2
_LATE_S = 4.0  # for the reports of workers that were frozen when all jobs were done


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A chaos test: `seconds` of disturbances; `sources` are video files, `folder` gets all files."""

    folder: Path
    sources: Sequence[Path]
    mode: Mode
    seed: int
    seconds: float


def run(
    setting: Setting, write_line: Callable[[str], None], *, expected: Mapping[str, Any] | None = None
) -> Figures:
    """Run a chaos test; requirements that were not met are in the figures' `violations`.

    `expected`: the manifests of an undisturbed run by name, if they are known. Raises the servers'
    `NoServerError`.
    """
    setting.folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    if expected is None:
        write_line(f"undisturbed: {len(setting.sources)} sources")
        expected = undisturbed(setting.folder / "undisturbed", setting.sources, setting.folder)
    undisturbed_s = time.monotonic() - began
    tuning = Tuning()
    with site(
        setting.folder, mode=setting.mode, seed=setting.seed, tuning=tuning, workers=WORKERS
    ) as services:
        fault_run = _prepared(setting, services, write_line)
        try:
            return _run_with_faults(setting, services, fault_run, expected, undisturbed_s)
        finally:
            fault_run.supply.abandon()
            for member in fault_run.actor.members:
                member.kill()


def undisturbed(out: Path, sources: Sequence[Path], profiles: Path) -> dict[str, Any]:
    """The manifests of an undisturbed embedded run, by the names of the sources."""
    argv = [sys.executable, "-m", "eddyline", "run", *map(str, sources), "--out", str(out), "--no-merge"]
    argv += ["--profile", str(footage.profile(profiles, 0)), "--json"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the undisturbed run failed: {done.stdout[-1500:]}{done.stderr[-1500:]}")
    found = [json.loads(path.read_text()) for path in out.glob("assets/*/manifest.json")]
    return {manifest["source"]["name"]: manifest for manifest in found}


def _prepared(setting: Setting, services: Site, write_line: Callable[[str], None]) -> FaultRun:
    """Prepare the services and the commands; starts no process."""
    for number in range(WORKERS):
        services.work(number).mkdir()
    Ledger.open(services.ledger.url).close()
    audit = Audit(services.ledger.url)
    audit.begin()
    addresses = {path.name: services.upload(path) for path in setting.sources}
    supply = Submitter(
        log=setting.folder / "submit.log",
        command=lambda submission: services.submit(submission.address, submission.profile),
        source=submissions(addresses, lambda wave: footage.profile(setting.folder, wave)),
        rng=random.Random(setting.seed + 1),
    )
    coordinators = COORDINATORS if setting.mode is Mode.SQS else 0
    actor = Actor(
        site=services,
        busy=audit.busy,
        workers=[_member(services, "worker", services.worker, number) for number in range(WORKERS)],
        coordinators=[
            _member(services, "coordinator", services.coordinator, number) for number in range(coordinators)
        ],
    )
    lease_s = services.tuning.lease_s
    disturbances = plan(
        setting.seed, seconds=setting.seconds, mode=setting.mode, lease_s=lease_s, workers=WORKERS
    )
    return FaultRun(
        actor=actor,
        supply=supply,
        audit=audit,
        plan=disturbances,
        seconds=setting.seconds,
        write_line=write_line,
    )


def _member(services: Site, kind: str, make: Callable[[int], Any], number: int) -> Member:
    name = f"{kind}-{number}"
    return Member(name=name, log=services.folder / f"{name}.log", make=lambda: make(number))


def _run_with_faults(
    setting: Setting, services: Site, fault_run: FaultRun, expected: Mapping[str, Any], undisturbed_s: float
) -> Figures:
    violations = []
    began = time.monotonic()
    fault_run.actor.start()
    services.network.fault_rates = services.store_proxy.fault_rates = FEW_FAULTS
    settled_s = 0.0
    try:
        fault_run.inject_faults()
        settled_s = fault_run.wait_until_done()
        time.sleep(_LATE_S)
    except StuckError as error:
        violations.append(str(error))
    faults_s = time.monotonic() - began
    services.network.fault_rates = services.store_proxy.fault_rates = NO_FAULTS
    fault_run.actor.stop_all()
    rows, changes = fault_run.audit.rows(), fault_run.audit.changes()
    manifests = _manifests(services, {row.asset for row in rows})
    violations += checks.all_done(rows, manifests)
    violations += checks.done_once(rows, changes)
    violations += checks.fenced(changes)
    violations += checks.history(rows, changes, fault_run.audit.starts())
    violations += checks.same_manifests(manifests, expected, times=fault_run.supply.accepted)
    violations += checks.exits(fault_run.actor.exits)
    if setting.mode is Mode.SQS:
        violations += fleet_record.violations(services)
    violations += checks.nothing_left(scratch=_scratch(services), processes=processes_in(setting.folder))
    untidy = _untidy(services)
    violations += checks.tidied(untidy, manifests)
    return Figures(
        mode=setting.mode,
        seed=setting.seed,
        cores=len(os.sched_getaffinity(0)),
        sources=len(setting.sources),
        undisturbed_s=undisturbed_s,
        faults_s=faults_s,
        settled_s=settled_s,
        assets=sum(fault_run.supply.accepted.values()),
        published=len(manifests),
        disturbances=dict(fault_run.actor.done),
        missed=fault_run.actor.missed,
        network=services.network.fault_counts(),
        store_proxy=services.store_proxy.fault_counts(),
        submissions=(fault_run.supply.killed, fault_run.supply.refused, fault_run.supply.repeated),
        exits=tuple(fault_run.actor.exits),
        redone=checks.redone(rows),
        slot_seconds=checks.slot_seconds(changes),
        lost=sum(change.before == "running" and change.after in {"ready", "running"} for change in changes),
        ignored=_ignored(fault_run.actor.coordinators),
        interrupted=len(services.fleet.interrupted),
        untidy=len(untidy),
        uploads=len(services.media.uploads(services.bucket)),
        violations=tuple(violations),
    )


def _manifests(services: Site, assets: set[str]) -> dict[str, Any]:
    store, found = services.open_store(), {}
    for asset in sorted(assets):
        try:
            found[asset] = json.loads(store.get(manifest_key(asset)))
        except MissingError:
            continue
    return found


def _scratch(services: Site) -> list[str]:
    """Files left in the directories of the workers after they exited."""
    folders = [services.work(number) for number in range(WORKERS)]
    return [str(path.relative_to(services.folder)) for folder in folders for path in folder.rglob("*")]


def _untidy(services: Site) -> set[str]:
    """Assets that have intermediate files left in the store."""
    folder = parts_prefix("")
    return {key.removeprefix(folder).split("/")[0] for key in services.open_store().list(folder.rstrip("/"))}


def _ignored(coordinators: Sequence[Member]) -> int:
    """The number of reports that coordinators ignored, from their logs."""
    lines = (line for each in coordinators for line in each.lines() if '"event": "ignored"' in line)
    return sum(int(json.loads(line)["count"]) for line in lines)
