"""The JavaScript of the pages: which files there are, whether they are safe, and that wheels carry them."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

import hatch_build
import pytest
from hatch_build import FILES, LICENCES, PACKAGES, ROOT, VENDOR, WebBuildHook, digest, install, target
from hatchling.builders.wheel import WheelBuilder

FOLDER = ROOT / VENDOR
LOCK = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
TEXTS = [source for source in FILES if source.endswith((".js", ".css"))]


def text_of(source: str) -> str:
    return (FOLDER / target(source)).read_text("utf-8")


def test_the_files_are_there_and_installing_them_again_runs_no_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hatch_build, "npm", lambda *_: pytest.fail("npm ran"))
    install()
    assert {path.relative_to(FOLDER) for path in FOLDER.rglob("*.*")} == {target(source) for source in FILES}


@pytest.mark.parametrize("source", TEXTS)
def test_no_file_evaluates_text_as_code(source: str) -> None:
    assert not re.search(r"\beval\(|\bnew Function\b|[^.\w]Function\(", text_of(source))


@pytest.mark.parametrize("source", [each for each in TEXTS if each.endswith(".css")])
def test_style_sheets_load_only_from_this_server(source: str) -> None:
    addresses = re.findall(r"url\(\s*[\"']?([^)\"']{1,40})|@import\s+([^;]+)", text_of(source))
    loaded = ["".join(each) for each in addresses]
    assert not [each for each in loaded if re.match(r"https?:|//", each)]


def test_scripts_name_no_server_that_they_load_from_by_default() -> None:
    # The player loads Chromecast's script only where an application id is set; the pages set none.
    literal = re.compile(
        r"""["'`](?:https?:)?//[\w.-]+\.(?:com|org|net|io|dev)/[^"'`]*\.(?:js|css|ttf|woff2?|wasm)"""
    )
    found = [match[1:] for source in TEXTS for match in literal.findall(text_of(source))]
    assert found == ["https://www.gstatic.com/cv/js/sender/v1/cast_sender.js"]


@pytest.mark.parametrize("source", TEXTS)
def test_no_file_names_a_source_map(source: str) -> None:
    assert "sourceMappingURL=" not in text_of(source)


def test_the_licence_of_every_package_is_served() -> None:
    text = text_of(LICENCES)
    assert [name for name in PACKAGES if f"{name}\n\n" not in text] == []
    assert text.count("Copyright") >= len(PACKAGES) - 1


def test_the_lock_has_digests_and_no_address() -> None:
    packages = {name: each for name, each in LOCK["packages"].items() if name}
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert not [name for name, each in packages.items() if {"resolved", "funding"} & set(each)]
    assert not re.search(r"https?:|registry", json.dumps(packages))


def test_a_wheel_carries_the_files(tmp_path: Path) -> None:
    wheel = next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"]))
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        prefix = VENDOR.relative_to("src").as_posix()
        found = {name: archive.read(name) for name in names if name.startswith(prefix)}
    assert {name: digest(data) for name, data in found.items()} == {
        f"{prefix}/{target(source).as_posix()}": expected for source, expected in FILES.items()
    }
    assert "eddyline/web/templates/base.html" in names


def hook_at(root: Path) -> WebBuildHook:
    builder = WheelBuilder(str(ROOT))
    return WebBuildHook(str(root), {}, builder.config, builder.metadata, str(root), "wheel")


def test_an_editable_build_installs_nothing(tmp_path: Path) -> None:
    hook_at(tmp_path).initialize("editable", {})
    assert list(tmp_path.iterdir()) == []


def test_npm_is_a_build_dependency_only_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert hook_at(tmp_path).dependencies() == [hatch_build.NODE]
    assert hook_at(ROOT).dependencies() == []  # the files are there
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/npm")
    assert hook_at(tmp_path).dependencies() == []
    assert hatch_build.NODE in (ROOT / "requirements" / "node.txt").read_text("utf-8")


def unpacked_packages(folder: Path, *, damaged: str) -> None:
    """What npm would leave, from the installed files, with one of them changed."""
    for source in FILES:
        if source != LICENCES:
            package, _, path = source.partition("/")
            place = folder / "node_modules" / package / "dist" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            data = (FOLDER / target(source)).read_bytes()
            place.write_bytes(data + b" " if source == damaged else data)
    texts = dict.fromkeys(PACKAGES, "")
    for name in texts:
        place = folder / "node_modules" / name / "LICENSE"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("Copyright", "utf-8")


def test_a_changed_file_ends_the_build_and_installs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(ROOT / name, tmp_path)
    damaged = "uplot/uPlot.esm.js"
    monkeypatch.setattr(
        hatch_build, "npm", lambda folder, *_: unpacked_packages(Path(folder), damaged=damaged)
    )
    with pytest.raises(SystemExit, match=re.escape(f'"{damaged}"')):
        hook_at(tmp_path).initialize("standard", {})
    assert not (tmp_path / VENDOR).exists()
