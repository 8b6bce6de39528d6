"""Finds Terraform and its AWS provider on this machine, and runs Terraform offline.

Nothing is written beside the modules: each check works in a copy, with a CLI configuration for it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from infra.running_provider import running_provider

ROOT = Path(__file__).resolve().parents[1]
MIRROR_VARIABLE = "TF_PLUGIN_MIRROR"
"""Names the folder of a provider mirror; `download` lets `terraform init` download the provider."""
DOWNLOAD = "download"

_COPIED = ("infra/terraform", "src/eddyline/fleet/pools.yaml")  # what modules, examples and their tests read
# Below a mirror: HOST/NAMESPACE/TYPE (Terraform CLI documentation, "Provider Installation").
_LAYOUTS = (
    "*/hashicorp/aws/*/*/terraform-provider-aws*",
    "*/hashicorp/aws/terraform-provider-aws_*.zip",
)
_TIMEOUT_S = 240.0
_PLAN = '"test_plan":{'
_SCHEMAS = ',"provider_schemas":'


class CheckError(Exception):
    """A check failed; the message is the output of the program."""


class MissingProgramError(Exception):
    """A program or provider that a check needs is not on this machine."""


def run_program(
    argv: Sequence[str | Path],
    *,
    directory: Path,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = _TIMEOUT_S,
) -> str:
    """The standard output of a program; raises `CheckError` with all its output if it fails."""
    try:
        done = subprocess.run(
            [str(each) for each in argv],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CheckError(f"{' '.join(map(str, argv))}: still running after {timeout_s:.0f} s") from None
    if done.returncode:
        raise CheckError(
            f"{' '.join(map(str, argv))}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done.stdout


@dataclass(frozen=True, kw_only=True)
class Terraform:
    """Terraform and where its providers come from: a mirror, or None to download them."""

    program: str
    mirror: Path | None

    @classmethod
    def find(cls, environment: Mapping[str, str] | None = None) -> Terraform:
        """Look for both; raises `MissingProgramError` that says what to do."""
        environment = os.environ if environment is None else environment
        program = find_program(environment)
        if environment.get(MIRROR_VARIABLE) == DOWNLOAD:
            return cls(program=program, mirror=None)
        for directory in mirror_candidates(environment):
            if is_mirror(directory):
                return cls(program=program, mirror=directory)
        raise MissingProgramError(
            f"no plugin folder of this machine has the AWS provider; set {MIRROR_VARIABLE} to one that "
            f"contains HOST/hashicorp/aws, or to `{DOWNLOAD}`"
        )

    def cli_configuration(self) -> str:
        """The text of a CLI configuration that never asks for newer versions and uses the mirror only."""
        source = "direct {}"
        if self.mirror is not None:
            source = f"filesystem_mirror {{\n    path = {json.dumps(str(self.mirror))}\n  }}"
        return f"disable_checkpoint = true\nprovider_installation {{\n  {source}\n}}\n"

    def copy_of_modules(self, directory: Path, root: Path = ROOT) -> Workspace:
        """Copy the modules, and the files that they read, to an empty directory."""
        for name in _COPIED:
            source, target = root / name, directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns(".terraform*"))
            elif source.is_file():
                shutil.copyfile(source, target)
        configuration = directory / "terraform.rc"
        configuration.write_text(self.cli_configuration(), "utf-8")
        return Workspace(terraform=self, root=directory, configuration=configuration)


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A copy of the modules in which Terraform may write; `provider` is the variable of a running one."""

    terraform: Terraform
    root: Path
    configuration: Path
    provider: Mapping[str, str] = field(default_factory=dict)

    def run(self, name: str, *arguments: str) -> str:
        """Run Terraform in the directory `name`, relative to the root; returns its standard output."""
        return run_program(
            (self.terraform.program, *arguments),
            directory=self.root / name,
            environment=self.environment() | dict(self.provider),
        )

    @contextmanager
    def with_provider(
        self, name: str, preexec_fn: Callable[[], None] | None = None, **variables: str
    ) -> Iterator[Workspace]:
        """This copy with one process of the provider for the commands in `name`, if it can be run alone.

        Its environment is that of Terraform and `variables`. `initialize` first: it checks the version.
        """
        environment = self.environment() | variables
        with running_provider(self.terraform.mirror, self.root / name, environment, preexec_fn) as provider:
            yield replace(self, provider=provider)

    def initialize(self, name: str) -> None:
        """Install the providers and modules of a directory, without its backend.

        Without a running provider, whose version Terraform would not compare with the required one. The hash
        is removed from the lock file: each command would compute it again from 700 MB.
        """
        replace(self, provider={}).run(name, "init", "-backend=false", "-input=false", "-no-color")
        lock = self.root / name / ".terraform.lock.hcl"
        lock.write_text(
            re.sub(r"  hashes = \[.*?\]\n", "", lock.read_text("utf-8"), flags=re.DOTALL), "utf-8"
        )

    def plans(self, name: str, test: str) -> dict[str, dict[str, Any]]:
        """The plans of the run blocks of a test file, by name; the directory was initialized before.

        Raises `CheckError` with the messages of Terraform if an assertion fails.
        """
        try:
            output = self.run(name, "test", "-json", "-verbose", f"-filter={test}")
        except CheckError as error:
            raise CheckError("\n".join(_without_plans(str(error)))) from None
        events = (_event(line) for line in output.split("\n") if _PLAN in line)
        return {event["@testrun"]: event["test_plan"] for event in events}

    def environment(self) -> dict[str, str]:
        """The variables of Terraform and its provider: none of the user's that would change the result."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("TF_", "AWS_"))}
        return kept | {
            "TF_CLI_CONFIG_FILE": str(self.configuration),
            "TF_IN_AUTOMATION": "1",
            "GOGC": kept.get("GOGC", "400"),  # collects less often: a quarter less CPU time, for 150 MB
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }


def _event(line: str) -> dict[str, Any]:
    """An event with a plan; its last part, 13 MB of schemas of the provider, is not parsed."""
    plan, found, _ = line.partition(_SCHEMAS)
    event: dict[str, Any] = json.loads(plan + "}}" if found else line)
    return event


def _without_plans(output: str) -> Iterator[str]:
    return (line for line in output.splitlines() if _PLAN not in line)


def find_program(environment: Mapping[str, str]) -> str:
    """The path of Terraform; raises `MissingProgramError`."""
    program = shutil.which("terraform", path=environment.get("PATH"))
    if program is None:
        raise MissingProgramError("Terraform is not on the PATH; install version 1.9 or newer")
    return program


def is_mirror(directory: Path) -> bool:
    """Whether a folder has the AWS provider in one of the layouts that Terraform reads."""
    return any(next(directory.glob(layout), None) is not None for layout in _LAYOUTS)


def mirror_candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    """Folders that may be a provider mirror: the variable's alone, or the usual ones."""
    if named := environment.get(MIRROR_VARIABLE):
        yield Path(named)
        return
    home = Path(environment.get("HOME") or Path.home())
    if cache := environment.get("TF_PLUGIN_CACHE_DIR"):
        yield Path(cache)
    yield home / ".terraform.d" / "plugins"
    yield home / ".terraform.d" / "plugin-cache"
    yield home / ".local" / "share" / "terraform" / "plugins"
    for parent in (Path("/usr/local/share/terraform"), Path("/usr/share/terraform"), Path("/opt")):
        if parent.is_dir():
            yield from sorted(each for each in parent.iterdir() if each.is_dir())
