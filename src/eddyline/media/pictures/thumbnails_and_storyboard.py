"""Thumbnails and storyboard of a video, decoded by one FFmpeg command: each start of FFmpeg costs time."""

from __future__ import annotations

from pathlib import Path

from eddyline.core.errors import InputError
from eddyline.core.files import translate_errors
from eddyline.media.ladder.profile import PictureSettings
from eddyline.media.pictures.jpeg import ImageInfo
from eddyline.media.pictures.keyframes import ImageSource
from eddyline.media.pictures.stills import decode_image_sets
from eddyline.media.pictures.storyboard import Storyboard, plan_storyboard
from eddyline.media.pictures.thumbnails import plan_thumbnails


def write_thumbnails_and_storyboard(
    video: ImageSource, settings: PictureSettings, *, out_dir: Path
) -> tuple[tuple[ImageInfo, ...], Storyboard | None]:
    """Write what `write_thumbnails` and `write_storyboard` do, as far as the settings ask for them.

    Raises `InputError` if no keyframe can be decoded.
    """
    with translate_errors("writing the thumbnails and the storyboard"):
        thumbnails = (
            plan_thumbnails(video, out_dir=out_dir, count=settings.thumbs, width=settings.thumb_width)
            if settings.thumbs
            else None
        )
        board = plan_storyboard(video, settings.storyboard, out_dir=out_dir) if settings.storyboard else None
        sets = [each.images for each in (thumbnails, board) if each is not None]
        decoded = decode_image_sets(video, sets)
        if not all(decoded):
            raise InputError("no keyframe of the video can be decoded")
        numbers = iter(decoded)
        return (
            () if thumbnails is None else thumbnails.finish(next(numbers)),
            None if board is None else board.finish(next(numbers)),
        )
