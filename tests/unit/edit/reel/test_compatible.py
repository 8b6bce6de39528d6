"""Only recordings with the same settings are joined."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from eddyline.core.errors import InputError
from eddyline.edit.reel.compatible import require_joinable


def test_copies_are_compatible_and_other_recordings_are_not(
    recording: Path, plain: Path, tmp_path: Path
) -> None:
    copy = shutil.copyfile(recording, tmp_path / "copy.mp4")
    require_joinable([recording, copy], ["ride.mp4", "copy.mp4"])
    require_joinable([recording], ["ride.mp4"])
    with pytest.raises(InputError, match=r"ride\.mp4 and phone\.mkv were recorded with different settings"):
        require_joinable([recording, plain], ["ride.mp4", "phone.mkv"])
