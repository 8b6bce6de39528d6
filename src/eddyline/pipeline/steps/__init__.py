"""The steps of an asset, one module each; `table.py` maps job kinds to them."""
