"""The machines of a view, page by page: latest launch first, those of unknown launch last."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterator, Mapping

import numpy as np

from eddyline.app.fleet.dashboard import View
from eddyline.app.fleet.dashboard_reports import MachinePage, MachineRow
from eddyline.core.errors import UsageError
from eddyline.fleet.dashboard.grouping import UNKNOWN
from eddyline.fleet.dashboard.machines import ENDS, INTERRUPTION_CODE, LIFECYCLES, Machines
from eddyline.fleet.dashboard.window import Floats, Ints
from eddyline.graph.ledger.fleet.interrupted_work import InterruptedWork

MAX_ROWS = 1000
_HOUR_S = 3600.0


def list_machines(view: View, *, limit: int, after: str = "", ended_by: str = "") -> MachinePage:
    """A page of machines that ran in the window; `after` is the cursor `next` of the page before.

    `ended_by` is a reason of `ENDS`, or "running"; "": all. Raises `UsageError` for an invalid cursor.
    """
    machines, launched, order = _ordered(view, ended_by)
    total = len(order)
    if after:
        at, name = _parse_cursor(after)
        ahead = int((launched >= at).sum())
        same = [place for place in order[int((launched > at).sum()) : ahead] if machines.name[place] > name]
        order = np.concatenate((np.array(same, np.int64), order[ahead:]))
    page = order[: min(limit, MAX_ROWS)]
    work = view.read_work()
    rows = [_row(machines, int(place), view, work) for place in page]
    more = len(order) > len(page)
    return MachinePage(
        range=view.range,
        total=total,
        machines=rows,
        next=_cursor(float(launched[page[-1]]), rows[-1].instance) if more else "",
    )


def all_machines(view: View, *, ended_by: str = "") -> Iterator[MachineRow]:
    """All machines that ran in the window, in the same order."""
    machines, _, order = _ordered(view, ended_by)
    work = view.read_work()
    return (_row(machines, int(place), view, work) for place in order)


def _ordered(view: View, ended_by: str) -> tuple[Machines, Floats, Ints]:
    """The machines, when they were launched, and their places in order."""
    machines = view.machines
    if ended_by:
        code = ENDS.index("" if ended_by == "running" else ended_by)
        machines = machines.where(machines.ended_by == code)
    launched: Floats = np.where(np.isnan(machines.launched), -math.inf, machines.launched)
    order = np.argsort(-launched, kind="stable")
    # Sorting all names would take longer than the page: only those with equal times are sorted by name.
    times = launched[order]
    equal = np.flatnonzero(times[1:] == times[:-1])
    for run in np.split(equal, np.flatnonzero(np.diff(equal) > 1) + 1):
        if len(run):
            part = order[run[0] : run[-1] + 2]
            order[run[0] : run[-1] + 2] = part[np.argsort(machines.name[part].astype(str))]
    return machines, launched, order


def _row(machines: Machines, place: int, view: View, work: Mapping[str, InterruptedWork]) -> MachineRow:
    words = machines.words
    warned = float(machines.warned[place])
    name = str(machines.name[place])
    interrupted = int(machines.ended_by[place]) == INTERRUPTION_CODE
    found = work.get(name) if interrupted else None
    drained_s = None
    if found and not found.lost and not math.isnan(warned):
        drained_s = max(found.drained - warned, 0.0)
    begin = max(float(machines.launched[place]), view.window.start)
    end = float(np.fmin(machines.terminated[place], view.window.stop))
    vcpu = int(machines.vcpu[place])
    return MachineRow(
        instance=name,
        pool=words.pool.texts[machines.pool[place]] or UNKNOWN,
        instance_type=words.type.texts[machines.type[place]] or UNKNOWN,
        zone=words.zone.texts[machines.zone[place]] or UNKNOWN,
        lifecycle=LIFECYCLES[machines.lifecycle[place]] or UNKNOWN,
        vcpu=vcpu or None,
        launched=_time(machines.launched[place]),
        warned_at=_time(warned),
        rebalance_at=_time(machines.rebalance[place]),
        scale_in_at=_time(machines.scale_in[place]),
        terminated=_time(machines.terminated[place]),
        ended_by=ENDS[machines.ended_by[place]] or "running",
        instance_hours=max(end - begin, 0.0) / _HOUR_S if not math.isnan(begin) else 0.0,
        drained_s=drained_s,
        missed=bool(found and found.lost),
        redone_s=found.redone_s if found else None,
    )


def _time(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _cursor(launched: float, name: str) -> str:
    return base64.urlsafe_b64encode(f"{launched!r} {name}".encode()).decode().rstrip("=")


def _parse_cursor(text: str) -> tuple[float, str]:
    try:
        plain = base64.urlsafe_b64decode(text[:400] + "=" * (-len(text[:400]) % 4)).decode()
        launched, name = plain.split(" ", 1)
        return float(launched), name
    except (ValueError, binascii.Error) as error:
        raise UsageError(
            "the cursor is invalid", remedy="pass the `next` of a page, or leave `after` out"
        ) from error
