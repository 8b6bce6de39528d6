from __future__ import annotations

import json

import pytest

from eddyline.core import errors


def _tree(kind: type[errors.EddylineError]) -> list[type[errors.EddylineError]]:
    return [kind, *(descendant for subclass in kind.__subclasses__() for descendant in _tree(subclass))]


def test_the_tree_in_the_docstring_matches_the_classes() -> None:
    classes = {kind.__name__ for kind in _tree(errors.EddylineError) if kind.__module__ == errors.__name__}
    documented = {word for word in (errors.__doc__ or "").split() if word in classes}
    assert classes == documented


@pytest.mark.parametrize(
    ("kind", "retry"),
    [
        (errors.UsageError, False),
        (errors.InputError, False),
        (errors.FormatError, False),
        (errors.UnsupportedError, False),
        (errors.TransientError, True),
        (errors.MissingError, True),
        (errors.ProofError, False),
        (errors.Interrupted, True),
    ],
)
def test_only_transient_errors_are_retried(kind: type[errors.EddylineError], *, retry: bool) -> None:
    assert kind("wrong").retry == retry


def test_a_message_contains_the_problem_and_the_remedy() -> None:
    error = errors.UsageError("no such profile", remedy="see `eddyline profiles list`")
    assert str(error) == "no such profile (see `eddyline profiles list`)"
    assert "run the same command again" in str(errors.MissingError("x is gone"))
    assert str(errors.InputError("bad")) == "bad"


def test_a_format_error_contains_its_position() -> None:
    assert (
        str(errors.FormatError("too long", path="moov/trak[1]", offset=0))
        == "moov/trak[1] at byte 0: too long"
    )
    assert str(errors.FormatError("too long", path="moov")) == "moov: too long"
    assert str(errors.FormatError("too long")) == "too long"


def test_evidence_is_plain_json() -> None:
    tool_error = errors.ToolError("ffmpeg failed", argv=("ffmpeg", "-i"), status=-9, stderr="killed")
    format_error = errors.FormatError("too long", path="moov", offset=8, remedy="copy it again")
    assert json.loads(json.dumps(tool_error.evidence())) == {
        "error": "ToolError",
        "message": "ffmpeg failed",
        "remedy": "",
        "argv": ["ffmpeg", "-i"],
        "status": -9,
        "stderr": "killed",
    }
    assert json.loads(json.dumps(format_error.evidence()))["offset"] == 8
