"""The life of a job: every legal change of state, in one table."""

from __future__ import annotations

from enum import StrEnum

from eddyline.core.errors import EddylineError


class State(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What may happen to a job."""

    RELEASE = "release"
    CLAIM = "claim"
    COMPLETE = "complete"
    INTERRUPT = "interrupt"
    LOSE = "lose"
    RETRY = "retry"
    QUARANTINE = "quarantine"
    REFUSE = "refuse"
    CANCEL = "cancel"
    REDRIVE = "redrive"
    RESTORE = "restore"


OPEN = frozenset({State.WAITING, State.READY, State.RUNNING})
"""The states in which something is still to be done."""

FAILED = frozenset({State.DEAD, State.CANCELLED})
"""The states in which a job ended without a result."""

TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.WAITING, Event.RELEASE): State.READY,
    (State.READY, Event.CLAIM): State.RUNNING,
    (State.RUNNING, Event.COMPLETE): State.DONE,
    (State.RUNNING, Event.INTERRUPT): State.READY,
    (State.RUNNING, Event.LOSE): State.READY,
    (State.RUNNING, Event.RETRY): State.READY,
    (State.RUNNING, Event.QUARANTINE): State.DEAD,
    (State.READY, Event.REFUSE): State.DEAD,
    (State.WAITING, Event.CANCEL): State.CANCELLED,
    (State.READY, Event.CANCEL): State.CANCELLED,
    (State.RUNNING, Event.CANCEL): State.CANCELLED,
    (State.DEAD, Event.REDRIVE): State.READY,
    (State.CANCELLED, Event.RESTORE): State.WAITING,
}

# The same table, by a state's plain name.
_AFTER: dict[tuple[str, Event], State] = {
    (str(state), event): after for (state, event), after in TRANSITIONS.items()
}

MEANING: dict[Event, str] = {
    Event.RELEASE: "its last open need was met",
    Event.CLAIM: "a worker took it; attempt and fence go up by one",
    Event.COMPLETE: "the worker's answer came with the current fence",
    Event.INTERRUPT: "its worker was told to stop and handed it back; no attempt is spent",
    Event.LOSE: "its worker vanished; no attempt is spent",
    Event.RETRY: "failed, and may succeed after a pause; the attempt is spent",
    Event.QUARANTINE: "failed for good, or kills its workers; kept with its evidence",
    Event.REFUSE: "no message can carry it to a worker; kept with its evidence",
    Event.CANCEL: "a person said so, or a job that it needs will never be done",
    Event.REDRIVE: "a person gave it new attempts",
    Event.RESTORE: "what had stopped it is on its way again",
}


class IllegalTransition(EddylineError):  # noqa: N818 - names the event that may not happen
    """An event that the state does not allow; a bug in the caller, never a matter of timing."""

    default_remedy = "report it with the job's id: the ledger refused the change, nothing was lost"


def advance(state: str, event: Event) -> State:
    """The state after `event`, from a `State` or its name; raises `IllegalTransition` where there is none."""
    try:
        return _AFTER[state, event]
    except KeyError:
        raise IllegalTransition(f"a {state} job cannot {event}") from None


def mermaid() -> str:
    """The table as a Mermaid state diagram, one arrow per pair of states with its events."""
    arrows: dict[tuple[State, State], list[Event]] = {}
    for (state, event), after in TRANSITIONS.items():
        arrows.setdefault((state, after), []).append(event)
    lines = [
        "stateDiagram-v2",
        f"    [*] --> {State.WAITING}: needs open",
        f"    [*] --> {State.READY}: no needs",
    ]
    lines += [f"    {before} --> {after}: {', '.join(events)}" for (before, after), events in arrows.items()]
    lines.append(f"    {State.DONE} --> [*]")
    return "\n".join(lines) + "\n"


def legend() -> str:
    """What each event means, as a Markdown table to stand below the diagram."""
    rows = [f"| {event} | {meaning} |" for event, meaning in MEANING.items()]
    return "\n".join(["| event | what happened |", "|---|---|", *rows]) + "\n"
