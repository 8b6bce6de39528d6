"""A process of the AWS provider that several Terraform commands use, one after the other.

Terraform starts the provider several times for each command and each run block of a test, and asks it for
all its schemas each time: most of the CPU time of `terraform test`. A provider that runs already is the
feature that its developers use to debug it (Terraform documentation, "Debugging Providers").
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

REATTACH = "TF_REATTACH_PROVIDERS"
"""The variable by which Terraform finds a provider that runs."""

_PROGRAM = "*/hashicorp/aws/*/*/terraform-provider-aws*"
_LINE = re.compile(rf"{REATTACH}='(?P<value>.*)'")
_START_S = 60.0


def provider_program(mirror: Path | None) -> Path | None:
    """The program of the provider in an unpacked mirror of one version; or None."""
    found = [each for each in mirror.glob(_PROGRAM) if each.is_file()] if mirror else []
    return found[0] if len(found) == 1 else None


@contextmanager
def running_provider(
    mirror: Path | None,
    directory: Path,
    environment: Mapping[str, str],
    preexec_fn: Callable[[], None] | None = None,
) -> Iterator[dict[str, str]]:
    """Run the provider of `mirror` in `directory` until the block ends; yields the variable for Terraform.

    Yields no variable where the provider cannot be run alone: then Terraform starts it, which takes longer.
    Commands that configure the provider differently must not run at the same time.
    """
    program = provider_program(mirror)
    if program is None:
        yield {}
        return
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            (program, "-debug"),
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,
            preexec_fn=preexec_fn,  # noqa: PLW1509 - of the tests: one system call
        )
        try:
            value = _reattach_value(process, output.fileno())
            yield {REATTACH: value} if value else {}
        finally:
            process.kill()
            process.wait()


def _reattach_value(process: subprocess.Popen[bytes], output: int) -> str | None:
    """What the provider writes once it accepts connections; None if it ends or does not write it."""
    path = Path(f"/dev/fd/{output}")
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        if found := _LINE.search(path.read_text("utf-8", "replace")):
            return found["value"]
        if process.poll() is not None:
            return None
        time.sleep(0.05)
    return None
