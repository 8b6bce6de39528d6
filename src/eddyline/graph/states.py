"""The states of a job and all legal transitions, in one table."""

from __future__ import annotations

from enum import StrEnum

from eddyline.core.errors import EddylineError


class State(StrEnum):
    """The state of a job."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """The events that change the state of a job."""

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
"""The states of jobs that have not ended."""

FAILED = frozenset({State.DEAD, State.CANCELLED})
"""The states of jobs that ended without a result."""

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

# The same table, by the state's value.
_AFTER: dict[tuple[str, Event], State] = {
    (str(state), event): after for (state, event), after in TRANSITIONS.items()
}

MEANING: dict[Event, str] = {
    Event.RELEASE: "its last open dependency was met",
    Event.CLAIM: "a worker claimed it; attempt and fence increase by one",
    Event.COMPLETE: "its worker reported a result with the current fence",
    Event.INTERRUPT: "its worker was interrupted and handed it back; no attempt is spent",
    Event.LOSE: "its worker was lost; no attempt is spent",
    Event.RETRY: "it failed, and is retried after a delay; the attempt is spent",
    Event.QUARANTINE: "it failed for good, or loses its workers; kept with its error",
    Event.REFUSE: "no message can carry it to a worker; kept with its error",
    Event.CANCEL: "an operator cancelled it, or one of its dependencies failed",
    Event.REDRIVE: "an operator gave it new attempts",
    Event.RESTORE: "the dependency that had cancelled it was redriven",
}


class IllegalTransition(EddylineError):  # noqa: N818 - named after the transition
    """An event that the state does not allow: a bug in the caller, never a race."""

    default_remedy = "report it with the job's id: the ledger refused the change, and nothing is lost"


def advance(state: str, event: Event) -> State:
    """The state after `event`, from a `State` or its value; raises `IllegalTransition` if there is none."""
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
        f"    [*] --> {State.WAITING}: open dependencies",
        f"    [*] --> {State.READY}: no open dependencies",
    ]
    lines += [f"    {before} --> {after}: {', '.join(events)}" for (before, after), events in arrows.items()]
    lines.append(f"    {State.DONE} --> [*]")
    return "\n".join(lines) + "\n"


def legend() -> str:
    """The meaning of each event, as a Markdown table."""
    rows = [f"| {event} | {meaning} |" for event, meaning in MEANING.items()]
    return "\n".join(["| event | what happened |", "|---|---|", *rows]) + "\n"
