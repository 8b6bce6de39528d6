"""The log events of the program, collected from the logging calls in `src` and explained in MEANINGS."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[1] / "src"
LEVELS = ("debug", "info", "warning", "error", "exception", "critical")
_LOGGER = re.compile(r"_?log(ger)?", re.IGNORECASE)
_PASSED_ON = (
    "observe/logs.py"  # writes the records of other loggers: their events are collected where they arise
)
_RECORD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

MEANINGS = {
    "background loop step failed": "an unexpected error; the loop continues; a bug to report",
    "background task failed": "the ledger or the store is unavailable; the next step tries again",
    "command for another worker dropped": "check who may send to the worker's command queue",
    "commands unavailable": "the worker cannot receive commands and retries",
    "coordinator action": "counts of actions of the coordinator; `action` names the action",
    "coordinator ready": "the coordinator publishes jobs and applies reports from now on",
    "coordinator stopped": "`reason` is the signal",
    "dead letters": "the dead-letter queue has grown; run `eddyline jobs redrive`",
    "container instance not drainable": "ECS refused DRAINING; the instance is deregistered or drained",
    "container instances not drained": "DRAINING failed for now; the message is received again",
    "deletion of an asset failed": "the store or the ledger is unavailable; the next step tries again",
    "drain not marked": "a duplicate lifecycle event may start a second chain of checks, which is harmless",
    "drain phase": "the decision about running jobs after a notice, command or signal",
    "fleet events unavailable": "interruptions are not recorded; check the queue `PREFIX-fleet` and the role",
    "fleet record not repaired": "the coordinator could not update the fleet record and retries",
    "fleet record repaired": "what events had missed was recorded, or old entries were deleted",
    "Spot prices not read": "Spot prices of running types are missing; allow ec2:DescribeSpotPriceHistory",
    "instance drained": "the end of an EC2 instance is announced; its workers got the command to drain",
    "duplicate drain ignored": "another chain of checks drains the instance for the same lifecycle action",
    "fleet events failed": "the Spot metrics function could not describe instances; the events come again",
    "instance drain": "the general drain began, or completed the lifecycle hook; `reason` says why",
    "instance drain failed": "an error that waiting does not correct, such as a missing permission",
    "instance drain postponed": "AWS throttled the calls; the next check follows in 15 s",
    "instance metadata unavailable": "notices of the machine's end are not seen; expected outside EC2",
    "import failed": "the file of a URL was not imported; the error says what to do",
    "import interrupted": "the import of a URL broke off; it is tried again",
    "webhook delivery failed": "the receiver did not accept an event; it is sent again later",
    "issuer keys unavailable": "known keys stay in use; check EDDYLINE_OIDC_ISSUER and that it is reachable",
    "instances not described": "the fleet record is not compared with EC2; allow ec2:DescribeInstances",
    "interruption notice": "the end of the machine is announced; the worker drains",
    "invalid command dropped": "check who may send to the worker's command queue",
    "job dead": "no attempts are left; fix the cause in `error`, then run `eddyline jobs retry`",
    "job done": "the job succeeded",
    "local worker process ended": "its jobs were released; it is started again; `problem`: it keeps ending",
    "local worker process started": "`eddyline serve` started its worker process",
    "local worker started": "the worker of a server takes jobs from now on",
    "local worker stopped": "`reason` is the signal, or that the server ended",
    "request": "`route` is a template: no paths and no queries; status 499: the client left early",
    "server started": "`eddyline serve` listens; `local`: every client is the administrator",
    "job failed": "the attempt failed; the job is retried at `retry_at`",
    "job interrupted": "the job was handed back, cancelled or lost; no attempt is used",
    "job progress": "the progress of a job",
    "job started": "the worker started a job",
    "library message": "a warning of a library or of Python",
    "message malformed": "a Lambda function ignored an event that differs from its documentation",
    "message parked": "a message could not be read or applied; it is in the dead-letter queue",
    "metrics server started": "the process serves metrics",
    "notice ignored": "the instance is gone, or belongs to no Spot group of this fleet",
    "pool without workers": "start workers for the pool, or cancel its jobs",
    "queue created again after deletion": "a queue in use was deleted; its jobs are published again",
    "queue setup failed": "the coordinator creates the queues later",
    "rebalance recommendation": "`decision` says whether the instance is replaced, or why not",
    "replacement failed": "a replacement after a recommendation failed; the message is received again",
    "service available again": "the end of an outage of `service`",
    "service unavailable": "an outage of `service`; calls are retried",
    "Spot drain": "counts of warnings for a cluster, and of container instances set to DRAINING",
    "Spot drain failed": "the container instances were not found; the message is received again",
    "stop requested": "a signal; the worker drains",
    "store available": "the end of an outage of the media store",
    "pool scaled": "the scaler changed the capacity of a pool; capacities in vCPU",
    "pools not scaled": "capacity stays as it is: the ledger or EC2 Auto Scaling is unavailable; tried again",
    "capacity kept": "the scaler could not decide about a pool or apply it; `reason` says why; tried again",
    "store unavailable": "the worker waits for the media store; check address and permissions",
    "task protection failed": "ECS may stop the task during a job; check the role's permissions",
    "thread failed": "a thread ended with an exception; a bug to report",
    "upload cleanup": "unfinished multipart uploads were aborted, or why not",
    "upload failed": "a complete upload will not become an asset; `error` is the reason that its owner sees",
    "upload not stored yet": "a complete upload could not be stored or submitted; it is tried again",
    "upload submitted": "a complete upload was submitted as an asset",
    "worker ready": "the worker accepts jobs from now on",
    "worker stopped": "`reason` is the signal, notice or command",
}
"""What an event means, and what to do about it."""


@dataclass(kw_only=True)
class LogEvent:
    """One event with all levels, loggers and fields of its logging calls."""

    event: str
    levels: set[str] = field(default_factory=set)
    loggers: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)


@dataclass(kw_only=True)
class Collection:
    """The events by name, and the logging calls that break the rules: "file:line: what is wrong"."""

    events: dict[str, LogEvent] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)


def collect() -> Collection:
    """Collect the events of all logging calls in `src`."""
    found = Collection()
    for path in sorted(SOURCES.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        name = path.relative_to(SOURCES / "eddyline").as_posix()
        logger = _logger_name(tree)
        for function in [tree, *(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))]:
            for call, levels in _logging_calls(function):
                _add(found, f"{name}:{call.lineno}", call, levels, logger, function)
    return found


def _logger_name(tree: ast.Module) -> str:
    """The name given to `logging.getLogger` in a module, or ""."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "logging.getLogger" and node.args:
            return str(ast.literal_eval(node.args[0])) if isinstance(node.args[0], ast.Constant) else ""
    return ""


def _logging_calls(function: ast.AST) -> Iterator[tuple[ast.Call, set[str]]]:
    """The logging calls directly in a function (not in functions inside of it), with their levels."""
    nodes = list(_own_nodes(function))
    aliases: dict[str, set[str]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            called = {id(each.func) for each in ast.walk(node.value) if isinstance(each, ast.Call)}
            levels = {
                each.attr
                for each in ast.walk(node.value)
                if isinstance(each, ast.Attribute) and id(each) not in called and _is_log_method(each)
            }
            if levels:
                aliases[node.targets[0].id] = levels
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_log_method(node.func):
            yield node, {node.func.attr}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in aliases:
            yield node, aliases[node.func.id]


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from _own_nodes(child)


def _is_log_method(node: ast.Attribute) -> bool:
    owner = node.value.attr if isinstance(node.value, ast.Attribute) else ast.unparse(node.value)
    return node.attr in LEVELS and bool(_LOGGER.fullmatch(owner))


def _add(
    found: Collection, place: str, call: ast.Call, levels: set[str], logger: str, function: ast.AST
) -> None:
    event = call.args[0] if call.args else None
    if not (isinstance(event, ast.Constant) and isinstance(event.value, str)):
        if not place.startswith(_PASSED_ON):
            found.mistakes.append(f"{place}: the event is not a literal")
        return
    if len(call.args) > 1 or "%" in event.value:
        found.mistakes.append(f"{place}: values must be fields, not arguments")
    entry = found.events.setdefault(event.value, LogEvent(event=event.value))
    entry.levels |= levels
    entry.loggers |= {logger} if logger else set()
    for keyword in call.keywords:
        entry.fields |= _fields(keyword, function)
        if keyword.arg == "extra" and (reserved := _keys(keyword.value) & _RECORD_ATTRIBUTES):
            found.mistakes.append(f"{place}: reserved names of fields: {', '.join(sorted(reserved))}")


def _fields(keyword: ast.keyword, function: ast.AST) -> set[str]:
    match keyword:
        case ast.keyword(arg="extra", value=value):
            return _keys(value)
        case ast.keyword(arg="exc_info"):
            return {"exception"}
        case ast.keyword(arg=None, value=ast.Name(id=name)):
            parents = [n for n in ast.walk(function) if isinstance(n, ast.Assign | ast.AnnAssign)]
            assigned = [n.value for n in parents if name in ast.unparse(n).partition("=")[0] and n.value]
            return {key for value in assigned for key in _keys(value)}
        case ast.keyword(arg=str(name)):
            return {name}
    return set()


def _keys(value: ast.expr) -> set[str]:
    return (
        {str(key.value) for key in value.keys if isinstance(key, ast.Constant)}
        if isinstance(value, ast.Dict)
        else set()
    )


def markdown_table() -> str:
    """The table of all events on the page of logs."""
    rows = [
        f"| `{each.event}` | {', '.join(sorted(each.levels, key=LEVELS.index))} "
        f"| {', '.join(f'`{name}`' for name in sorted(each.loggers))} "
        f"| {', '.join(sorted(each.fields))} | {MEANINGS.get(each.event, '')} |\n"
        for each in sorted(collect().events.values(), key=lambda each: each.event)
    ]
    head = "| event | level | logger | fields | meaning |\n|---|---|---|---|---|\n"
    return head + "".join(rows)
