"""Builds the zip file of the Lambda functions: `make lambdas`.

The file contains this package's modules that the handlers import, found by following the imports, and
nothing else: the Lambda runtime contains the standard library and boto3. The modules are compared with a
list, so that a new import is a decision. The same sources give the same bytes, so that Terraform deploys
only changes.
"""

from __future__ import annotations

import ast
import io
import sys
import zipfile
from collections.abc import Collection
from pathlib import Path

from eddyline.core.errors import UsageError

HANDLERS = ("general_drain", "spot_drain", "spot_metrics")
"""The modules of `eddyline.aws.lambdas` whose function `handler` Lambda calls."""

MODULES: tuple[str, ...] = (
    "eddyline",
    "eddyline.aws",
    "eddyline.aws.lambdas",
    "eddyline.aws.lambdas.calls",
    "eddyline.aws.lambdas.clients",
    "eddyline.aws.lambdas.drain_check",
    "eddyline.aws.lambdas.drain_items",
    "eddyline.aws.lambdas.ecs",
    "eddyline.aws.lambdas.emf",
    "eddyline.aws.lambdas.general_drain",
    "eddyline.aws.lambdas.groups",
    "eddyline.aws.lambdas.instances",
    "eddyline.aws.lambdas.json_logs",
    "eddyline.aws.lambdas.metric_names",
    "eddyline.aws.lambdas.queues",
    "eddyline.aws.lambdas.records",
    "eddyline.aws.lambdas.settings",
    "eddyline.aws.lambdas.spot_drain",
    "eddyline.aws.lambdas.spot_metrics",
    "eddyline.core",
    "eddyline.core.backoff",
    "eddyline.core.errors",
    "eddyline.core.formatting",
    "eddyline.fleet",
    "eddyline.fleet.drain",
    "eddyline.fleet.drain.instances",
    "eddyline.fleet.eventbridge_events",
    "eddyline.fleet.events",
    "eddyline.fleet.events.autoscaling",
    "eddyline.fleet.events.cloudtrail",
    "eddyline.fleet.events.ec2",
    "eddyline.fleet.events.ecs",
    "eddyline.fleet.events.envelope",
    "eddyline.fleet.events.health",
    "eddyline.fleet.names",
    "eddyline.fleet.notices",
    "eddyline.fleet.rebalance_policy",
)
"""The modules in the zip file."""

OTHER_IMPORTS = frozenset({"boto3", "botocore"})
"""What the modules may import besides the standard library; the Lambda runtime contains it."""

MAX_BYTES = 100_000
_SOURCES = Path(__file__).resolve().parents[2]
_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can hold: the bytes depend on no clock
_MODE = 0o644 << 16
_UNIX = 3


def build_package(sources: Path = _SOURCES) -> bytes:
    """The bytes of the zip file; raises `UsageError` if it is too large, or other modules are imported."""
    found = imported_modules(sources)
    if found != set(MODULES):
        difference = ", ".join(sorted(found ^ set(MODULES)))
        raise UsageError(
            f"the modules that the Lambda functions import differ from the list: {difference}",
            remedy="remove the import, or change MODULES in eddyline/aws/lambda_package.py",
        )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for module in sorted(found):
            path = _file(module, sources)
            entry = zipfile.ZipInfo(path.relative_to(sources).as_posix(), _TIME)
            entry.external_attr, entry.create_system = _MODE, _UNIX
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, path.read_bytes().replace(b"\r\n", b"\n"), compresslevel=9)
    if len(content.getvalue()) > MAX_BYTES:
        raise UsageError(
            f"the zip file has {len(content.getvalue())} bytes, more than {MAX_BYTES}",
            remedy="remove modules from the Lambda functions",
        )
    return content.getvalue()


def imported_modules(sources: Path = _SOURCES) -> set[str]:
    """The modules of Eddyline that the handlers import, directly or through others, and their packages.

    Raises `UsageError` for an import of something that the Lambda runtime does not contain.
    """
    waiting = [f"eddyline.aws.lambdas.{handler}" for handler in HANDLERS]
    found: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        found.add(module)
        if "." in module:
            waiting.append(module.rpartition(".")[0])
        waiting += _imports(module, sources)
    return found


def _imports(module: str, sources: Path) -> Collection[str]:
    """The modules of Eddyline that one module imports, at its top or inside of functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(_file(module, sources).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            names = [base]
            for alias in node.names:
                name = f"{base}.{alias.name}"
                if base.startswith("eddyline") and _exists(name, sources):
                    names.append(name)
        else:
            continue
        for name in names:
            top = name.partition(".")[0]
            if top == "eddyline":
                found.add(name)
            elif top not in sys.stdlib_module_names and top not in OTHER_IMPORTS:
                raise UsageError(
                    f"{module} imports {name}, which the Lambda runtime does not contain",
                    remedy="use the standard library and boto3 only",
                )
    return found


def _exists(module: str, sources: Path) -> bool:
    path = sources.joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def _file(module: str, sources: Path) -> Path:
    path = sources.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def main(argv: list[str]) -> int:
    """Write the zip file to the path on the command line."""
    if len(argv) != 1:
        sys.stderr.write("usage: python -m eddyline.aws.lambda_package FILE\n")
        return 2
    try:
        content = build_package()
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    path = Path(argv[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    sys.stdout.write(f"{path}: {len(content)} bytes, {len(MODULES)} modules\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
