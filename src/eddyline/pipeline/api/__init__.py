"""The functions of the Python API; import them from `eddyline.pipeline`. See docs/reference/python-api.md."""
