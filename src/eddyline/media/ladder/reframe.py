"""The flat view of spherical video that a profile may ask for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from eddyline.core.errors import UsageError
from eddyline.core.numbers import parse_rational
from eddyline.core.settings_file import Section

if TYPE_CHECKING:
    from eddyline.media.ladder.profile import Profile

_PAIR = re.compile(r"\s*([a-z]{3,6})\s*=\s*([-+.:0-9]{1,20})\s*")


class ReframeSettings(Section):
    """A flat view of spherical video, in degrees.

    `yaw` turns the view to the right, `pitch` up, `roll` clockwise; `fov` is the horizontal field of view.
    `aspect` is its width to height. The renditions are flat video.
    """

    yaw: float = Field(default=0.0, ge=-180, le=180)
    pitch: float = Field(default=0.0, ge=-90, le=90)
    roll: float = Field(default=0.0, ge=-180, le=180)
    fov: float = Field(default=100.0, ge=10, le=150)
    aspect: str = Field(default="16:9", pattern=r"^[1-9][0-9]?:[1-9][0-9]?$")

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height of the aspect."""
        across, _, down = self.aspect.partition(":")
        return int(across), int(down)


def with_reframe(profile: Profile, text: str) -> Profile:
    """The profile with the view of an option such as "yaw=30,pitch=-10,fov=90"; "" changes nothing.

    Raises `UsageError` for other text.
    """
    if not text:
        return profile
    values: dict[str, Any] = {}
    for part in text.split(","):
        pair = _PAIR.fullmatch(part)
        if pair is None or pair[1] in values:
            raise _invalid(text, f"{part!r} is not a new NAME=VALUE")
        try:
            values[pair[1]] = pair[2] if pair[1] == "aspect" else float(parse_rational(pair[2]))
        except ValueError as error:
            raise _invalid(text, str(error)) from error
    try:
        settings = ReframeSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise _invalid(text, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    return profile.model_copy(update={"reframe": settings})


def _invalid(text: str, why: str) -> UsageError:
    return UsageError(
        f"--reframe {text!r}: {why}",
        remedy="write for example yaw=30,pitch=-10,roll=0,fov=100,aspect=16:9; each has a default",
    )
