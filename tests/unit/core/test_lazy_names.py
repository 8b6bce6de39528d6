"""Names that are loaded on first use."""

from __future__ import annotations

import sys
from os.path import basename, join
from pathlib import Path
from typing import Any

import pytest

from eddyline.core.lazy_names import import_packages, lazy_function, lazy_names


def test_a_name_is_loaded_from_its_module_and_kept() -> None:
    package: dict[str, Any] = {"__name__": "package"}
    load = lazy_names(package, {"os.path": "join base=basename"})
    assert load("join") is join
    assert load("base") is basename
    assert package["base"] is basename


def test_an_unknown_name_is_an_attribute_error_with_the_name_of_the_package() -> None:
    with pytest.raises(AttributeError, match="module 'package' has no attribute 'path'"):
        lazy_names({"__name__": "package"}, {"os.path": "join"})("path")


def test_a_function_is_imported_when_it_is_first_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lazy_function_module.py").write_text("def add(a, b): return a + b\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    add = lazy_function("lazy_function_module", "add")
    assert "lazy_function_module" not in sys.modules
    assert add(1, b=2) == 3
    assert "lazy_function_module" in sys.modules


def test_all_modules_of_a_package_are_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["imported_package", "imported_package.inner", "imported_package.inner.module"]
    (tmp_path / "imported_package" / "inner").mkdir(parents=True)
    for name in ("__init__.py", "inner/__init__.py", "inner/module.py"):
        (tmp_path / "imported_package" / name).write_text("", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import_packages("imported_package")
    assert [name for name in names if name not in sys.modules] == []


@pytest.mark.parametrize(
    "package", ["eddyline.app", "eddyline.gpmf", "eddyline.gpmf.export", "eddyline.mp4", "eddyline.pipeline"]
)
def test_every_public_name_of_a_package_can_be_loaded(package: str) -> None:
    module = __import__(package, fromlist=["__all__"])
    for name in module.__all__:
        assert getattr(module, name) is not None
