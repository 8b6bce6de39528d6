"""Public names of a package that are loaded on first use (PEP 562).

A package that offers names of many modules defines `__getattr__` by `lazy_names`, and imports the same names
under TYPE_CHECKING: a program that uses one of them does not import what the others need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
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
