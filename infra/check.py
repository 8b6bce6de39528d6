"""Checks the Terraform modules and examples, offline: `make infra`.

For each: `init`, and `terraform test` or `validate`; for all: `fmt`, checkov, and the generated READMEs.
What needs a program that is not on this machine is skipped, with a line that says so.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from infra import docs
from infra.terraform_tools import (
    ROOT,
    CheckError,
    MissingProgramError,
    Terraform,
    find_program,
    run_program,
)

TERRAFORM = Path("infra/terraform")
_CHECKOV = Path("build/checkov/bin/checkov")
_AT_ONCE = 2  # checks; a provider process uses about one core


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check; `run` raises `CheckError`, or `MissingProgramError` if it cannot run on this machine."""

    name: str
    run: Callable[[], None]


def directories(root: Path = ROOT) -> tuple[str, ...]:
    """The modules and examples, relative to the root of the repository."""
    found = (
        path.parent for kind in ("modules", "examples") for path in (root / TERRAFORM / kind).glob("*/*.tf")
    )
    return tuple(sorted({str(path.relative_to(root)) for path in found}))


def checks(root: Path = ROOT) -> tuple[Check, ...]:
    """All checks of the repository at `root`, the longest ones first."""
    names = sorted(directories(root), key=lambda name: -len(list((root / name).rglob("*.tftest.hcl"))))
    return (
        *(Check(name=name, run=partial(check_directory, name, root)) for name in names),
        Check(name="checkov", run=partial(check_policies, root)),
        Check(name="fmt", run=partial(check_format, root)),
        Check(name="READMEs", run=partial(check_readmes, root)),
    )


def check_format(root: Path = ROOT) -> None:
    """`terraform fmt -check` of all files."""
    program = find_program(os.environ)
    run_program(
        (program, "fmt", "-check", "-diff", "-recursive", root / TERRAFORM),
        directory=root,
        environment={**os.environ, "TF_CLI_CONFIG_FILE": os.devnull},
    )


def check_directory(name: str, root: Path = ROOT, *, without: Collection[str] = ()) -> None:
    """`init`, and `test` or `validate`, of one module or example, in a copy; not the test files `without`."""
    terraform = Terraform.find()
    with tempfile.TemporaryDirectory(prefix="eddyline-infra-") as temporary:
        workspace = terraform.copy_of_modules(Path(temporary), root)
        workspace.initialize(name)
        tests = sorted(str(each.relative_to(root / name)) for each in (root / name).rglob("*.tftest.hcl"))
        filters = [f"-filter={each}" for each in tests if each not in without]
        if tests and not filters:
            return
        # `test` validates the module before each of its plans.
        with workspace.with_provider(name) as attached:
            attached.run(name, *(("test", *filters) if tests else ("validate",)), "-no-color")


def check_policies(root: Path = ROOT) -> None:
    """Checkov, in the environment that the Makefile installs; each skip is a comment with its reason."""
    program = ROOT / _CHECKOV
    if not program.is_file():
        raise MissingProgramError("checkov is not installed: `make build/checkov/.installed` installs it")
    run_program(
        (
            program,
            "-d",
            root / TERRAFORM,
            "--framework",
            "terraform",
            "--skip-download",
            "--quiet",
            "--compact",
        ),
        directory=root,
    )


def check_readmes(root: Path = ROOT) -> None:
    """The generated part of each README equals what the variables and outputs say."""
    stale = [name for name in directories(root) if not docs.is_current(root / name)]
    if stale:
        raise CheckError(f"run `python -m infra.docs`: {', '.join(stale)}")


def _report(check: Check) -> bool:
    started = time.monotonic()
    try:
        check.run()
    except MissingProgramError as error:
        print(f"SKIPPED  {check.name}: {error}", flush=True)
        return True
    except CheckError as error:
        print(f"FAILED   {check.name}: {error}", flush=True)
        return False
    print(f"passed   {check.name} ({time.monotonic() - started:.1f} s)", flush=True)
    return True


def main() -> int:
    """Run all checks, two at a time; 1 if one fails."""
    started = time.monotonic()
    with ThreadPoolExecutor(_AT_ONCE) as executor:
        results = list(executor.map(_report, checks()))
    failed = results.count(False)
    elapsed = time.monotonic() - started
    print(f"{len(results) - failed} checks passed or skipped, {failed} failed, {elapsed:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
