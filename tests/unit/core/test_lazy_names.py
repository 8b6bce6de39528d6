"""Names of a package that are loaded on first use."""

from __future__ import annotations

import pytest

from eddyline.core.lazy_names import lazy_names


def test_a_name_is_loaded_from_its_module() -> None:
    load = lazy_names("package", {"join": "os.path:join"})
    assert load("join")("a", "b") == "a/b"  # type: ignore[operator]


def test_an_unknown_name_is_an_attribute_error_with_the_name_of_the_package() -> None:
    with pytest.raises(AttributeError, match="module 'package' has no attribute 'path'"):
        lazy_names("package", {"join": "os.path:join"})("path")


@pytest.mark.parametrize("package", ["eddyline.app", "eddyline.pipeline"])
def test_every_public_name_of_a_package_can_be_loaded(package: str) -> None:
    module = __import__(package, fromlist=["__all__"])
    for name in module.__all__:
        assert getattr(module, name) is not None
