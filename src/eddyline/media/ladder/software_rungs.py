"""The same ladder without hardware encoders: what a family is encoded with after its device has failed."""

from __future__ import annotations

from eddyline.media.ladder.encoders import ENCODERS, find_encoder, is_hardware
from eddyline.media.ladder.ladder import Rung, rungs
from eddyline.media.ladder.profile import Profile, RungSettings
from eddyline.media.source.source import VideoFacts


def software_rungs(profile: Profile, facts: VideoFacts) -> tuple[Rung, ...]:
    """The rungs of `profile` for this source, all with the default encoders of their codecs.

    Names, sizes, frame steps and families are those of the ladder with hardware encoders. Depends on the
    arguments alone, so that all workers use the same settings.
    """
    own = tuple(_without_hardware(each) for each in profile.rungs)
    return rungs(profile.model_copy(update={"rungs": own}), facts)


def _without_hardware(settings: RungSettings) -> RungSettings:
    if settings.encoder is None or not is_hardware(settings.encoder):
        return settings
    preset = ENCODERS[settings.encoder].default_preset(settings.preset)
    crf = find_encoder(settings.codec).quality_of(settings.crf)
    return settings.model_copy(update={"encoder": None, "preset": preset, "crf": crf})
