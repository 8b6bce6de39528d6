"""Public names of a package that are loaded on first use (PEP 562).

A package that offers names of many modules defines `__getattr__` by `lazy_names`, and imports the same names
under TYPE_CHECKING: a program that uses one of them does not import what the others need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_names(package: str, places: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` of `package`: `places` maps each name to "module:name" or to a module."""

    def load(name: str) -> object:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, attribute = places[name].partition(":")
        loaded = import_module(module)
        return getattr(loaded, attribute) if attribute else loaded

    return load
