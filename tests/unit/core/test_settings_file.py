"""Errors in settings files name the file, the line, the key and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field, model_validator

from eddyline.core.errors import UsageError
from eddyline.core.settings_file import KeyedValueError, Section, read_settings


class _Wheel(Section):
    inches: int = Field(ge=1, le=60)
    spokes: tuple[int, ...] = Field(default=(), strict=False)


class _Bicycle(Section):
    name: str = "plain"
    wheels: dict[str, _Wheel]

    @model_validator(mode="after")
    def _check_equal_sizes(self) -> _Bicycle:
        if len({wheel.inches for wheel in self.wheels.values()}) > 1:
            raise KeyedValueError(("wheels", "back", "inches"), "differs from the other wheel")
        return self


def _message(tmp_path: Path, text: str) -> str:
    path = tmp_path / "bicycle.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError) as caught:
        read_settings(path, remedy="correct it", label="bicycle ").validate(_Bicycle)
    assert caught.value.remedy == "correct it"
    prefix = f"bicycle {path}"
    assert caught.value.message.startswith(prefix)
    return caught.value.message.removeprefix(prefix)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# one\nwheels:\n  front: {inches: 0}\n", ":3: wheels.front.inches: Input should be greater"),
        ("wheels:\n  front:\n    inches: 28\n    colour: red\n", ":4: wheels.front.colour: unknown key"),
        ("wheels:\n  front:\n    spokes: [1,\n      x]\n    inches: 28", ":4: wheels.front.spokes[1]: "),
        ("wheels:\n  front:\n    spokes: []\n", ":2: wheels.front.inches: Field required"),
        ("\n\nname: blue\n", ":3: wheels: Field required"),
        ("wheels:\n  1: {inches: 99}\n", ":2: wheels[1]: Input should be a valid string"),
        (
            "wheels:\n  front: {inches: 28}\n  back:\n    inches: 26\n",
            ":4: wheels.back.inches: differs from the other wheel",
        ),
        ("- a list\n", ":1: the file: a mapping of keys to values is required"),
        ("", ":1: the file: a mapping of keys to values is required, but the value is empty"),
    ],
)
def test_the_line_and_the_key_of_an_error_are_named(tmp_path: Path, text: str, message: str) -> None:
    assert _message(tmp_path, text).startswith(message)


def test_several_errors_are_reported_with_their_lines(tmp_path: Path) -> None:
    rows = "".join(f"  wheel{number}: {{inches: 0}}\n" for number in range(8))
    message = _message(tmp_path, f"wheels:\n{rows}")
    assert [part.partition(":")[0] for part in message.split("; line ")[1:]] == ["3", "4", "5", "6"]
    assert message.endswith("; and 3 more")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: [\n", ":3: not YAML: "),
        ("a: 1\nb: 2\na: 3\n", ":3: not YAML: duplicate key 'a'"),
        ("a:\n  - &x 1\n  - *x\n", ":3: not YAML: aliases (*name) are not supported"),
        ("excluded: [*.metal]\n", ":1: not YAML: "),
        ("[" * 100_000, ": not YAML: "),
        ("a: \x00", ": not YAML: "),
        ("a: !!python/object:os.system {}", ":1: not YAML: could not determine a constructor"),
    ],
)
def test_text_that_is_not_plain_yaml_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert _message(tmp_path, text).startswith(message)


def test_a_file_that_is_not_readable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Is a directory"):
        read_settings(tmp_path, remedy="correct it")


def test_a_valid_file_becomes_the_model(tmp_path: Path) -> None:
    path = tmp_path / "bicycle.yaml"
    path.write_text("wheels:\n  front: {inches: 28, spokes: [1, 2]}\n", "utf-8")
    file = read_settings(path, remedy="correct it")
    assert file.validate(_Bicycle).wheels["front"].spokes == (1, 2)
    assert file.line_of(("wheels", "front", "inches")) == 2
    assert file.line_of(("saddle",)) == 1
