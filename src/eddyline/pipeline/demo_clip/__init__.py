"""The demo clip: a camera-like recording of our own, for trying the program without footage."""

from eddyline.pipeline.demo_clip.make import make_clip

__all__ = ["make_clip"]
