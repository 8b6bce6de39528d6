"""The demo clip: a synthetic camera recording, for trying the program without a source."""

from eddyline.pipeline.demo_clip.make import make_clip

__all__ = ["make_clip"]
