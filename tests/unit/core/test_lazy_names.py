"""Names of a package that are loaded on first use."""

from __future__ import annotations

from os.path import basename, join
from typing import Any

import pytest

from eddyline.core.lazy_names import lazy_names


def test_a_name_is_loaded_from_its_module_and_kept() -> None:
    package: dict[str, Any] = {"__name__": "package"}
    load = lazy_names(package, {"os.path": "join base=basename"})
    assert load("join") is join
    assert load("base") is basename
    assert package["base"] is basename


def test_an_unknown_name_is_an_attribute_error_with_the_name_of_the_package() -> None:
    with pytest.raises(AttributeError, match="module 'package' has no attribute 'path'"):
        lazy_names({"__name__": "package"}, {"os.path": "join"})("path")


@pytest.mark.parametrize(
    "package", ["eddyline.app", "eddyline.gpmf", "eddyline.gpmf.export", "eddyline.mp4", "eddyline.pipeline"]
)
def test_every_public_name_of_a_package_can_be_loaded(package: str) -> None:
    module = __import__(package, fromlist=["__all__"])
    for name in module.__all__:
        assert getattr(module, name) is not None
