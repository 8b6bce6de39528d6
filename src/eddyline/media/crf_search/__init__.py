"""Finds the CRF of each rung and chunk that gives a target VMAF, from probe encodes of a few frames.

- `probe_runs`: which frames are probed, and how many probes the budget permits.
- `probe`: encodes and measures one run of frames.
- `model`: the VMAF and bitrate as functions of the CRF, and the CRF of each chunk.
- `analysis`: probes the runs of one job, each at the CRF that the probes before it suggest.
- `ladder_rules`: which rungs are worth keeping, by their bitrates.
"""
