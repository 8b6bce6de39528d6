"""An asset with an encrypted stream: what is stored, what the manifest says, and that no file has the key."""

from __future__ import annotations

import json
import os
import subprocess
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from tests.acceptance.clips import plain

_KEY = "00112233445566778899aabbccddeeff"
_ID = "6e5a1d26275747d78046eaa5d1d34b5a"
_PROFILE = """
rungs: [{{height: 64, codec: h264, crf: 30, preset: ultrafast, maxrate_kbps: 500, bufsize_kbps: 1000}}]
pictures: {{thumbs: 0, storyboard: null}}
encryption: {{scheme: {scheme}, key: main}}
"""
_HLS, _DASH = "stream/master.m3u8", "stream/manifest.mpd"


class Runs:
    """Runs of one clip with encrypting profiles, in one directory for each."""

    def __init__(self, work: Path, ffmpeg: str, eddyline: tuple[str, ...]) -> None:
        self._work, self._eddyline = work, eddyline
        self._clip = plain(ffmpeg, work / "clip.mp4", seconds=1.0, size="114x64")
        self.keys = work / "keys.yaml"
        key = {"key_id": _ID, "key": _KEY, "uri": "https://keys.example.com/main"}
        self.keys.write_text(json.dumps({"keys": {"main": key}}))
        self.keys.chmod(0o600)

    def run(self, scheme: str, **settings: str) -> tuple[Path, subprocess.CompletedProcess[str]]:
        """The output directory and the result of a run with these settings of the environment."""
        out, profile = self._work / scheme, self._work / f"{scheme}.yaml"
        profile.write_text(_PROFILE.format(scheme=scheme))
        argv = [*self._eddyline, "run", str(self._clip), "--out", str(out), "--profile", str(profile)]
        env = {**os.environ, **settings}
        return out, subprocess.run(argv, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def runs(ffmpeg: str, eddyline: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("encryption"), ffmpeg, eddyline)


@pytest.mark.slow
def test_a_run_without_the_key_fails_before_it_encodes(runs: Runs) -> None:
    out, result = runs.run("cbcs")
    assert result.returncode == 2
    assert "EDDYLINE_ENCRYPTION_KEYS" in result.stderr
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "hls", "dash"), [("cbcs", _HLS, _DASH), ("cenc", None, _DASH), ("aes-128", _HLS, None)]
)
def test_the_manifest_states_the_encryption_and_no_file_has_the_key(
    runs: Runs, scheme: str, hls: str | None, dash: str | None
) -> None:
    out, result = runs.run(scheme, EDDYLINE_ENCRYPTION_KEYS=str(runs.keys))
    assert result.returncode == 0, result.stderr
    (asset,) = (out / "assets").iterdir()
    manifest = json.loads((asset / "manifest.json").read_text())
    schema = json.loads((files("eddyline.pipeline.publication") / "manifest.schema.json").read_text("utf-8"))
    jsonschema.validate(manifest, schema)
    described = {"scheme": scheme, "key_ids": [_ID]}
    assert manifest["stream"] == {"hls": hls, "dash": dash, "encryption": described}
    measured = manifest["proof"]["durations_s"]["stream"]
    assert (len(measured["hls"]), len(measured["dash"])) == (bool(hls), bool(dash))
    assert [*measured["hls"].values(), *measured["dash"].values()] == pytest.approx(
        [1.0] * (bool(hls) + bool(dash)), abs=0.04
    )
    assert f"Encrypted ({scheme})" in (asset / "index.html").read_text()
    for path in [path for path in out.rglob("*") if path.is_file()]:
        data = path.read_bytes()
        assert _KEY.encode() not in data, path
        assert bytes.fromhex(_KEY) not in data, path
