"""The page to look at one asset: a single file beside the manifest, made from it alone."""

from eddyline.pipeline.page.render import render

__all__ = ["render"]
