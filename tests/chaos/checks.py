"""The requirements of a chaos test, as pure functions from rows, changes and manifests to violations."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from tests.chaos.audit import Change, EndedStart, Row
from tests.chaos.processes import ProcessExit, ProcessState

from eddyline.graph.states import TRANSITIONS, State
from eddyline.pipeline.publication.manifest import without_run

_LEGAL = {(str(before), str(after)) for (before, _), after in TRANSITIONS.items()}
_RARE = 0.2
_MOST = 5  # violations of one kind to list


def all_done(rows: Collection[Row], published: Collection[str]) -> list[str]:
    """Every job is done, and every asset is published."""
    left = [f"{row.id} is {row.state}: {row.error or ''}"[:600] for row in rows if row.state != State.DONE]
    assets = {row.asset for row in rows}
    missing = [f"asset {asset} has no manifest" for asset in sorted(assets - set(published))]
    return _few(left) + _few(missing)


def done_once(rows: Iterable[Row], changes: Iterable[Change]) -> list[str]:
    """For each job exactly one report was accepted, and nothing changed it afterwards."""
    ends = Counter(change.job for change in changes if change.after == State.DONE)
    twice = [f"{job} was completed {count} times" for job, count in sorted(ends.items()) if count > 1]
    never = [
        f"{row.id} is done without a recorded change"
        for row in rows
        if row.state == State.DONE and not ends[row.id]
    ]
    after = [
        f"{change.job} changed from {change.before} to {change.after}"
        for change in changes
        if change.before == State.DONE
    ]
    return _few(twice) + _few(never) + _few(after)


def fenced(changes: Iterable[Change]) -> list[str]:
    """Fences of claims increase, and a report counts only with the fence of the last claim, from its holder.

    The holder of an orphaned job may continue with its claim if no other worker has claimed the job since.
    """
    wrong = []
    held: dict[str, tuple[int, str | None]] = {}
    orphaned: set[str] = set()
    for change in changes:
        before = held.get(change.job)
        if (change.before, change.after) not in _LEGAL and change.before != change.after:
            wrong.append(f"{change.job} went from {change.before} to {change.after}")
        if change.fence < change.old_fence:
            wrong.append(f"{change.job}: its fence decreased from {change.old_fence} to {change.fence}")
        if change.after == State.RUNNING:
            continues = change.job in orphaned and before == (change.fence, change.owner)
            orphaned.discard(change.job)
            if change.fence <= change.old_fence and not continues:
                wrong.append(f"{change.job} was claimed twice with fence {change.fence}")
            held[change.job] = (change.fence, change.owner)
        if change.before == State.RUNNING and change.after == State.READY:
            orphaned.add(change.job)
        if change.after == State.DONE and before != (change.old_fence, change.old_owner):
            wrong.append(
                f"{change.job} was completed by {change.old_owner} with {change.old_fence}, not {before}"
            )
        if change.after == State.DONE and change.fence != change.old_fence:
            wrong.append(f"{change.job} changed its fence at completion")
    return _few(wrong)


def history(rows: Collection[Row], changes: Iterable[Change], starts: Sequence[EndedStart]) -> list[str]:
    """The start history has one row for each claim that counted and has ended, and one is done.

    A worker that continues after it seemed lost continues its claim, with the same fence.
    """
    claims = {(change.job, change.fence) for change in changes if change.after == State.RUNNING}
    rows_of = Counter((start.job, start.fence) for start in starts)
    running = {row.id for row in rows if row.state == State.RUNNING}
    missing = sorted(claim for claim in claims - set(rows_of) if claim[0] not in running)
    wrong = [f"{job} has no row for its start with fence {fence}" for job, fence in missing]
    wrong += [f"{job}: fence {fence} was never claimed" for job, fence in sorted(set(rows_of) - claims)]
    wrong += [f"{job} has {n} rows for fence {fence}" for (job, fence), n in rows_of.items() if n > 1]
    ended = Counter(start.job for start in starts)
    done = Counter(start.job for start in starts if start.outcome == State.DONE)
    for row in rows:
        expected = row.starts - (row.state == State.RUNNING)
        if ended[row.id] != expected:
            wrong.append(f"{row.id} has {ended[row.id]} rows of starts, not {expected}")
        if done[row.id] != (row.state == State.DONE):
            wrong.append(f"{row.id} is {row.state}, and {done[row.id]} of its starts are done")
    return _few(wrong)


def same_manifests(
    manifests: Mapping[str, Mapping[str, Any]],
    expected: Mapping[str, Mapping[str, Any]],
    *,
    times: Counter[str],
) -> list[str]:
    """Each manifest, without its run, equals that of the undisturbed run of the same source.

    `manifests` by asset, `expected` by the name of the source; `times`: submitted assets of each.
    The id and the profile, which a wave varies to create separate assets, are not compared.
    """
    wrong = []
    found: Counter[str] = Counter()
    for asset, manifest in sorted(manifests.items()):
        name = str(manifest["source"]["name"])
        found[name] += 1
        if name not in expected:
            wrong.append(f"{asset} is of {name}, which was not submitted")
        elif manifest["asset"] != asset:
            wrong.append(f"{asset} contains the id {manifest['asset']}")
        else:
            wrong += [f"{asset} ({name}): {what}" for what in _differences(manifest, expected[name])]
    if found != times:
        wrong.append(f"assets by source: {dict(found)}, where {dict(times)} were submitted")
    return _few(wrong)


def _differences(manifest: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    ours, theirs = comparable(manifest), comparable(expected)
    return [
        f"{key} is {ours.get(key)!r}, undisturbed {theirs.get(key)!r}"[:600]
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
    ]


def comparable(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest without its run and the fields that a wave varies."""
    return {key: value for key, value in without_run(manifest).items() if key not in {"asset", "profile"}}


def exits(ended: Iterable[ProcessExit]) -> list[str]:
    """Processes asked to stop exit in time with status 0; no process exits unrequested."""
    wrong = []
    for each in ended:
        if each.state is not ProcessState.STOPPING:
            wrong.append(f"{each.name} exited unrequested with status {each.status}")
        elif each.early_s is not None and each.early_s < 0:
            wrong.append(
                f"{each.name} was still running at its deadline, {each.took_s:.1f} s after the stop request"
            )
        elif each.status != 0 and each.ready:
            wrong.append(f"{each.name} was asked to stop and exited with status {each.status}")
    return _few(wrong)


def interruptions(*, recorded: Collection[str], interrupted: Collection[str]) -> list[str]:
    """The fleet record counts the interruptions that happened, and no others."""
    happened, known = set(interrupted), set(recorded)
    missing = [f"the fleet record lacks the interruption of {each}" for each in sorted(happened - known)]
    extra = [f"the fleet record has an interruption of {each}" for each in sorted(known - happened)]
    return _few(missing) + _few(extra)


def nothing_left(*, scratch: Sequence[str], processes: Sequence[str]) -> list[str]:
    """No scratch files and no processes are left."""
    return [
        *_few([f"left in a work directory: {path}" for path in scratch]),
        *_few([f"still running: {line[:300]}" for line in processes]),
    ]


def tidied(untidy: Collection[str], published: Collection[str]) -> list[str]:
    """Intermediate files of an asset are removed once it is published, except for later ones.

    A worker that was frozen or disconnected may add a part after the cleanup: that is rare.
    """
    if len(untidy) <= max(1, _RARE * len(published)):
        return []
    return [f"{len(untidy)} of {len(published)} assets have intermediate files left, such as {min(untidy)}"]


def redone(rows: Collection[Row]) -> dict[str, float]:
    """Repeated work: the starts of jobs, and the frames of chunks (a chunk's weight)."""
    chunks = [row for row in rows if row.kind == "chunk"]
    return {
        "jobs": len(rows),
        "starts": sum(row.starts for row in rows),
        "interruptions": sum(row.interruptions for row in rows),
        "frames": sum(row.weight for row in chunks),
        "frames_started": sum(row.weight * row.starts for row in chunks),
    }


def slot_seconds(changes: Iterable[Change]) -> tuple[float, float]:
    """(counted, lost) slot seconds between a claim and its end."""
    claimed_at: dict[str, float] = {}
    spent: defaultdict[bool, float] = defaultdict(float)
    for change in changes:
        started = claimed_at.pop(change.job, None)
        if started is not None:
            spent[change.after == State.DONE] += change.at - started
        if change.after == State.RUNNING:
            claimed_at[change.job] = change.at
    return spent[True], spent[False]


def _few(violations: list[str]) -> list[str]:
    more = len(violations) - _MOST
    return violations[:_MOST] + ([f"... and {more} more like the last"] if more > 0 else [])
