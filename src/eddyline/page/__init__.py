"""The page to look at one asset: a single file beside the manifest, made from it alone."""

from eddyline.page.render import render

__all__ = ["render"]
