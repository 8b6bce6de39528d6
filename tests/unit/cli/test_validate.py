"""`eddyline validate`: findings by rule, JSON, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.media.streaming.validation.good_stream import MASTER, good_files
from typer.testing import CliRunner

from eddyline.app.validate_stream import validate_stream
from eddyline.cli.main import build
from eddyline.core.errors import UsageError


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """Playlists whose segments are missing."""
    for name, text in good_files().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(build(["validate"]), ["validate", *arguments])
    return done.exit_code, done.output


def test_a_violated_must_exits_with_1_and_says_what_to_do(stream: Path) -> None:
    code, output = run(str(stream))
    assert code == 1
    assert "MUST   RFC8216-6.2.1:segments: Every segment exists and is not empty." in output
    assert "more (--json lists all)" in output
    assert (
        "what to do: publish the segment, or remove it from the playlist (RFC 8216, section 6.2.1)" in output
    )
    assert output.splitlines()[-1].endswith(": 1 MUST and 0 SHOULD violated")


def test_json_lists_every_finding(stream: Path) -> None:
    code, output = run(str(stream), "--json", "--segments", "all")
    report = json.loads(output)
    assert code == 1
    assert report["valid"] is False
    first = report["findings"][0]
    assert (first["rule"], first["level"]) == ("RFC8216-6.2.1:segments", "MUST")
    assert {"source", "requirement", "file", "place", "actual", "required", "remedy"} <= first.keys()


def test_recommendations_alone_exit_with_0(stream: Path) -> None:
    master = (stream / MASTER).read_text().replace(',CHANNELS="2"', "")
    (stream / "only.m3u8").write_text(
        "\n".join(line for line in master.splitlines() if "#EXTM3U" in line or "TYPE=AUDIO" in line)
    )
    (stream / "audio" / "main.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:6\n")
    code, output = run(str(stream / "only.m3u8"))
    assert code == 0, output
    assert "SHOULD RFC8216-4.3.4.1:channels" in output


@pytest.mark.parametrize("arguments", [("missing", "20"), (".", "many"), (".", "0"), ("s3://bucket/x", "20")])
def test_wrong_usage_is_a_usage_error(arguments: tuple[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        validate_stream(*arguments)
    assert caught.value.remedy
