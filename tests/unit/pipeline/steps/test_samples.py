"""A run whose filters are broken fails at assembly, with both images kept as evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eddyline import app
from eddyline.core.stop import Stop
from eddyline.media.video import filters
from eddyline.pipeline.demo_clip import make_clip

_PROFILE = """
name: tiny
rungs: [{height: 90, codec: h264, crf: 23, preset: ultrafast, maxrate_kbps: 500, bufsize_kbps: 1000}]
package: false
pictures: {thumbs: 1, poster_width: 160, thumb_width: 160}
"""


@pytest.fixture
def request_(tmp_path: Path) -> app.RunRequest:
    clip = make_clip(tmp_path / "clip.mp4", seconds=2, width=160, height=90)
    profile = tmp_path / "tiny.yaml"
    profile.write_text(_PROFILE)
    return app.RunRequest(sources=(clip,), out=tmp_path / "out", profile=str(profile))


def test_a_run_reports_which_frames_were_compared(request_: app.RunRequest) -> None:
    report = app.run(request_, stop=Stop(), on_event=lambda _: None)
    assert not report.failed
    manifest = json.loads(Path(report.finished[0].manifest).read_text())
    (found,) = manifest["proof"]["frame_samples"].values()
    assert found["compared"] >= 3
    assert found["worst_psnr_db"] > 25
    durations = manifest["proof"]["durations_s"]
    assert durations["decoded"] == pytest.approx(durations["source"], abs=0.04)
    assert 0 < manifest["run"]["proof_cpu_seconds"] < manifest["run"]["cpu_seconds"]


def test_a_wrong_frame_is_not_published_and_is_stored_as_evidence(
    request_: app.RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = filters.filter_graph
    monkeypatch.setattr(
        filters, "filter_graph", lambda *given: graph(*given).replace("setsar=1", "hflip,setsar=1")
    )
    report = app.run(request_, stop=Stop(), on_event=lambda _: None)
    (failed,) = report.failed
    assert "is mirrored left to right" in failed.reason
    assert failed.reason.startswith("90p: frame ")
    assert "report a bug" in failed.remedy
    images = sorted(request_.out.glob(".eddyline/parts/*/*/proof-90p/*.png"))
    assert [path.name.split("-")[-1] for path in images] == ["rendition.png", "source.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in images)
