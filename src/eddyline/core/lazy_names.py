"""Names that are loaded on first use: a program that uses one does not import what the others need.

A package that offers names of many modules defines `__getattr__` by `lazy_names` (PEP 562), and imports the
same names under TYPE_CHECKING. A table of functions of many modules contains `lazy_function`s. A process that
runs for weeks calls `import_packages` at its start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pkgutil import walk_packages
from typing import Any


def lazy_names(package: dict[str, Any], modules: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` of the package with these globals, in which it keeps what it has loaded.

    `modules` maps each module to its names, separated by spaces; "public=name" renames one.
    """
    places = {}
    for module, names in modules.items():
        for each in names.split():
            public, _, name = each.partition("=")
            places[public] = (module, name or public)

    def load(name: str) -> object:
        if name not in places:
            raise AttributeError(f"module {package['__name__']!r} has no attribute {name!r}")
        module, attribute = places[name]
        found: object = getattr(import_module(module), attribute)
        package[name] = found
        return found

    return load


def lazy_function(module: str, name: str) -> Callable[..., Any]:
    """A function that calls the function `name` of `module`, which is imported at the first call."""

    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the function that it calls
        return getattr(import_module(module), name)(*args, **kwargs)

    return call


def import_packages(*names: str) -> None:
    """Import these packages with all of their modules.

    A process that runs for weeks must not import files that an upgrade has replaced since its start.
    """
    for name in names:
        package = import_module(name)
        for module in walk_packages(package.__path__, f"{name}."):
            import_module(module.name)
