"""Deletion of assets: durable, also while their jobs run, until nothing of them is stored.

The state "deleting" in the catalogue is written first; everything after it can be repeated, so that a process
that is killed at any moment leaves nothing behind: the next one continues (`AssetDeletion.step_all`).
"""
