"""The cold start of the Lambda functions, without boto3: import, parse an event, decide. Milliseconds of CPU.

The zip file is unpacked, and each measurement is a new process without site-packages and without compiled
modules, as in Lambda, whose file system is read-only. Lambda adds its own runtime and the import of boto3.
The time of the standard library's modules is part of the figure, although Lambda's runtime has imported
most of them.
"""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import zipfile
from pathlib import Path

from eddyline.aws.lambda_package import build_package

RUNS = 15
_MEASURE = """
import sys, time
sys.path.insert(0, {folder!r})
began = time.process_time()
if {preload}:
    import collections.abc, dataclasses, datetime, enum, functools, hashlib
    import json, logging, os, random, re, typing
    began = time.process_time()
from eddyline.aws.lambdas import {module}
from eddyline.fleet import eventbridge_events, rebalance_policy as policy
from eddyline.fleet.drain import instances as drain
eventbridge_events.parse_event({event!r})
found = drain.Observation(membership=drain.Membership.WAITING, container_status="ACTIVE")
rules = drain.InstanceDrainRules(hook_s=900.0, heartbeat_s=900.0)
drain.decide_instance_drain(drain.DrainProgress(started=0.0), found, 1.0, rules)
old = policy.Recommended(instance="i-00000001", launched=0.0, in_service=True)
policy.decide_rebalance([old], [], 1.0, policy.RebalanceRules())
print((time.process_time() - began) * 1000)
"""
_EVENT = (
    '{"source": "aws.ec2", "detail-type": "EC2 Spot Instance Interruption Warning", '
    '"time": "2026-03-01T12:00:00Z", '
    '"detail": {"instance-id": "i-0123456789abcdef0", "instance-action": "terminate"}}'
)


def measure(work: Path) -> dict[str, float]:
    """The median of each function, in milliseconds, and the size of the zip file in kilobytes."""
    package = build_package()
    with zipfile.ZipFile(io.BytesIO(package)) as found:
        found.extractall(work / "lambdas")
    figures = {"lambdas.zip_kb": len(package) / 1000}
    for module in ("general_drain", "spot_drain", "spot_metrics"):
        for name, preload in (("cold", False), ("own", True)):
            code = _MEASURE.format(folder=str(work / "lambdas"), module=module, event=_EVENT, preload=preload)
            figures[f"lambdas.{module}_{name}_ms"] = statistics.median(_run(code) for _ in range(RUNS))
    return figures


def _run(code: str) -> float:
    """The milliseconds that a new process prints; -B: it must not compile modules for the next one."""
    command = [sys.executable, "-I", "-S", "-B", "-c", code]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
