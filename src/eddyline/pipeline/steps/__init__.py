"""The steps of an asset, one module each; `table.py` joins them to the kinds of jobs."""
