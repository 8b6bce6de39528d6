"""Uploads to a server: their state, their files, their limits, and how they become assets.

An upload passes through the states of `UploadState`. The bytes of an open upload are in a file of the upload
directory; the ledger has the offset up to which they are durable. Complete uploads move into the media store,
and are submitted as assets (`finisher.py`).
"""
