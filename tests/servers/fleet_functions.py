"""The fleet's Lambda functions with their rules and queues, in this process."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from tests.servers.lambda_runtime import LambdaRuntime, Route, consuming

from eddyline.fleet import names

_VISIBILITY_S = "10"  # shorter than on AWS, so that a failed batch is soon received again


@contextmanager
def fleet_functions(
    prefix: str,
    *,
    pools: Sequence[str],
    hook_s: float,
    sqs: Any,
    drain_sqs: Any = None,
    fleet_url: str,
    drain_url: str,
    environment: Mapping[str, str],
    repeat: Mapping[str, int] | None = None,
    output: TextIO | None = None,
) -> Iterator[LambdaRuntime]:
    """Run the functions; `environment` holds their endpoints, and is that of this process meanwhile.

    `sqs` is a client for the queues of the functions, `drain_sqs` for that of the delayed checks (default:
    `sqs`). `repeat`: how often each event is delivered to a function: EventBridge may repeat events.
    `output` gets what this process prints meanwhile, logs and metrics of the functions (None: unchanged).
    """
    from eddyline.aws.lambdas import clients, general_drain, spot_drain, spot_metrics
    from eddyline.aws.lambdas.rules import Target, rules

    handlers = {
        names.GENERAL_DRAIN: general_drain.handler,
        names.SPOT_DRAIN: spot_drain.handler,
        names.SPOT_METRICS: spot_metrics.handler,
    }
    drain_queue = names.drain_queue(prefix)
    sources = {
        drain_queue: names.GENERAL_DRAIN,
        f"{prefix}-{names.SPOT_DRAIN}": names.SPOT_DRAIN,
        f"{prefix}-{names.SPOT_METRICS}": names.SPOT_METRICS,
    }
    for queue in sources:
        if queue != drain_queue:
            sqs.create_queue(QueueName=queue, Attributes={"VisibilityTimeout": _VISIBILITY_S})
    routes = [
        Route(
            pattern=rule.pattern,
            function=rule.function,
            queue=f"{prefix}-{rule.function}" if rule.target is Target.QUEUE else "",
        )
        for rule in rules(prefix)
        for _ in range((repeat or {}).get(rule.function, 1))
    ]
    settings = {
        "PREFIX": prefix,
        "POOLS": json.dumps({pool: {"hook_s": hook_s, "rebalance": "avoid"} for pool in pools}),
        "FLEET_QUEUE_URL": fleet_url,
        "DRAIN_QUEUE_URL": drain_url,
    }
    modules = (clients, general_drain, spot_drain, spot_metrics)
    # Each module keeps its settings and clients for the lifetime of an execution environment.
    cached = [each for module in modules for each in vars(module).values() if hasattr(each, "cache_clear")]
    before = dict(os.environ)
    os.environ.update({**environment, **settings})
    for each in cached:
        each.cache_clear()
    runtime = LambdaRuntime(
        functions=handlers,
        routes=routes,
        sources=sources,
        sqs=sqs,
        others={drain_queue: drain_sqs or sqs},
    )
    handlers_of_logs = logging.getLogger("eddyline.lambdas").handlers
    handlers_of_logs.clear()  # they keep the standard output of an earlier time
    try:
        with contextlib.redirect_stdout(output) if output else contextlib.nullcontext(), consuming(runtime):
            yield runtime
    finally:
        handlers_of_logs.clear()
        os.environ.clear()
        os.environ.update(before)
        for each in cached:
            each.cache_clear()
