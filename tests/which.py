"""Prints the tests that cover a module: `python -m tests.which src/eddyline/graph/ledger/leases.py`.

First the test file of the same name, then test files that import the module, then those that import it
through other modules, nearest first.
"""

from __future__ import annotations

import ast
import sys
from collections import deque
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Modules that import by name, and what they import: commands, Alembic's revisions, lazy public functions.
LOADERS = {
    "eddyline.cli.command_table": "eddyline.cli.",
    "eddyline.graph.db.migrations": "eddyline.graph.db.migrations.",
    "eddyline.pipeline": "eddyline.pipeline.api.",
    "eddyline.pipeline.steps.table": "eddyline.pipeline.steps.",
}


@cache
def modules() -> dict[str, Path]:
    """Dotted name -> file, of the package and the tests."""
    found = {}
    for base, top in ((ROOT / "src", "eddyline"), (ROOT, "tests")):
        for path in (base / top).rglob("*.py"):
            name = ".".join(path.relative_to(base).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def imports_of(path: Path, known: dict[str, Path]) -> set[str]:
    """The modules of `known` that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & known.keys()) or ({node.module} & known.keys())
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & known.keys()
    return found


@cache
def importers_of_all() -> dict[str, set[str]]:
    """Module -> the modules that import it."""
    known = modules()
    importers: dict[str, set[str]] = {name: set() for name in known}
    for name, path in known.items():
        for imported in imports_of(path, known):
            importers[imported].add(name)
    for loader, prefix in LOADERS.items():
        for name in known:
            if name.startswith(prefix) and name != loader:
                importers[name].add(loader)
    return importers


def tests_of(module: str) -> list[tuple[int, str]]:
    """(distance, test file): 0 has the same name, 1 imports the module, 2 imports an importer, ..."""
    known, importers = modules(), importers_of_all()
    package, _, leaf = module.removeprefix("eddyline.").rpartition(".")
    mirror = f"tests.unit.{package}.test_{leaf}" if package else f"tests.unit.test_{leaf}"
    distance = {module: 0}
    queue = deque([module])
    while queue:
        current = queue.popleft()
        for name in importers[current]:
            if name not in distance:
                distance[name] = distance[current] + 1
                queue.append(name)
    if mirror in known:
        distance[mirror] = 0
    return sorted(
        (steps, str(known[name].relative_to(ROOT)))
        for name, steps in distance.items()
        if name.startswith("tests.") and name.rpartition(".")[2].startswith("test_")
    )


def main() -> int:
    """Print the tests of the module that the first argument names, as a path or dotted."""
    name = sys.argv[1].removesuffix(".py").replace("/", ".").removeprefix("src.").removesuffix(".__init__")
    if name not in modules():
        sys.stderr.write(f"{sys.argv[1]} is not a module of this project\n")
        return 2
    labels = {0: "same name", 1: "imports it"}
    for steps, path in tests_of(name)[:20]:
        sys.stdout.write(f"{labels.get(steps, f'{steps} imports away'):<16} {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
