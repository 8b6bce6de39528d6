"""The facts of spherical video after its projection: the whole sphere, or a flat view of it."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from eddyline.core.errors import InputError, UnsupportedError
from eddyline.media.left_out.report import LeftOut, sort_left_out
from eddyline.media.source.eac_layout import require_layout
from eddyline.media.source.frame_size import check_frame_size
from eddyline.media.source.source import SourceFacts, SphereFacts, VideoFacts, View
from eddyline.media.video.spherical import EQUIRECTANGULAR, RECTANGULAR

if TYPE_CHECKING:  # `eddyline probe` needs no profile, and its libraries start slowly
    from eddyline.media.ladder.profile import Profile
    from eddyline.media.ladder.reframe import ReframeSettings

_FORMATS = {"yuv420p": 8, "yuvj420p": 8, "yuv420p10le": 10}  # bits


_EQUAL = ("codec", "width", "height", "pixel_format", "transfer", "primaries", "matrix", "full_range")


def join_facts(decoded: VideoFacts, other: VideoFacts, second_track: int) -> VideoFacts:
    """The facts of an EAC pair as equirectangular video, from those of its tracks as decoded.

    A face of the cube shows 90 degrees, so the equirectangular frame is four faces wide. Raises
    `UnsupportedError` for an unknown frame size or pixel format, `InputError` if the tracks differ in format.
    """
    layout = require_layout(decoded.width, decoded.height)
    for name in _EQUAL:
        values = getattr(decoded, name), getattr(other, name)
        if values[0] != values[1]:
            raise InputError(
                f"the video tracks of this 360-degree recording differ in {name}:"
                f" {values[0]} and {values[1]}",
                remedy="copy the file from the card again, or export it with GoPro Player",
                reason="eac-frames",
            )
    if decoded.pixel_format not in _FORMATS:
        raise UnsupportedError(
            f"360-degree video in two tracks of {decoded.pixel_format} is not supported",
            remedy="export it as equirectangular MP4 with GoPro Player",
            reason="unsupported-video",
        )
    return replace(
        decoded,
        width=4 * layout.face,
        height=2 * layout.face,
        rotation=0,
        mirrored=False,
        pixel_aspect=Fraction(1),
        projection=EQUIRECTANGULAR,
        sphere=SphereFacts(width=decoded.width, height=decoded.height, second_track=second_track),
    )


def with_view(facts: SourceFacts, profile: Profile) -> SourceFacts:
    """The facts of a source as the profile frames it: equirectangular video becomes a flat view.

    Without `reframe` in the profile, and for flat video, the facts stay as they are. Raises
    `UnsupportedError` for stereo video and other projections.
    """
    settings, video = profile.reframe, facts.video
    if settings is None or not video.projection or video.projection == RECTANGULAR:
        return facts
    if video.projection != EQUIRECTANGULAR or not _is_whole(video):
        raise UnsupportedError(
            f"a flat view of this spherical video ({video.projection}, {video.width}x{video.height}) is not"
            " supported: only whole, monoscopic, equirectangular spheres are",
            remedy="use a profile without `reframe`",
            reason="reframe",
        )
    sphere = video.sphere or SphereFacts(width=video.width, height=video.height)
    width, height = view_size(settings, video.width)
    check_frame_size(width, height)
    view = View(yaw=settings.yaw, pitch=settings.pitch, roll=settings.roll, fov=settings.fov)
    omitted = LeftOut(
        kind="spherical",
        what="the sphere outside of the flat view",
        why=f"the profile frames yaw {view.yaw:g}, pitch {view.pitch:g}, roll {view.roll:g},"
        f" fov {view.fov:g} degrees",
    )
    return replace(
        facts,
        video=replace(video, width=width, height=height, projection="", sphere=replace(sphere, view=view)),
        left_out=sort_left_out([*facts.left_out, omitted]),
    )


def view_size(settings: ReframeSettings, sphere_width: int) -> tuple[int, int]:
    """Width and height of a flat view that has, in its centre, as many pixels a degree as the sphere."""
    across, down = settings.sides
    width = 2 * math.tan(math.radians(settings.fov) / 2) * sphere_width / math.tau
    return max(2, round(width / 2) * 2), max(2, round(width * down / across / 2) * 2)


def _is_whole(video: VideoFacts) -> bool:
    """Whether the frame is one whole sphere: not stereo, and twice as wide as high."""
    return video.width == 2 * video.height and video.pixel_aspect == 1 and not video.stereo
