"""Payloads whose compressed KLVs (type '#', see `huffman`) are expanded, for all that reads samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from eddyline.gpmf.errors import GpmfError, WarningCollector
from eddyline.gpmf.huffman import COMPRESSED, OutputLimit, decompress, read_sample_shape
from eddyline.gpmf.index import Index
from eddyline.gpmf.klv import Klv, serialize
from eddyline.gpmf.payloads import Payloads
from eddyline.gpmf.reader import parse


def has_compressed(index: Index) -> bool:
    """Whether a stream of these payloads is compressed."""
    return bool((index.head >> 24 == ord(COMPRESSED)).any())


def decompress_payloads(payloads: Payloads, index: Index, collector: WarningCollector) -> Payloads:
    """The same payloads with everything compressed in them expanded; those without it keep their bytes.

    Raises `GpmfError` for invalid codes. A lenient collector records them; the KLV then has no samples.
    """
    rows = np.flatnonzero(index.head >> 24 == ord(COMPRESSED))
    touched = set(index.payload_of[index.device[rows]].tolist())
    budget = OutputLimit(len(payloads.data))
    blocks = [
        _block(payloads, number, collector, budget) if number in touched else payloads[number]
        for number in range(len(payloads))
    ]
    at = np.zeros(len(blocks) + 1, dtype=np.int64)
    np.cumsum([len(block) for block in blocks], out=at[1:])
    return replace(payloads, data=b"".join(blocks), at=at)


def _block(payloads: Payloads, number: int, collector: WarningCollector, budget: OutputLimit) -> bytes:
    path = f"payload[{number}]"
    block, offset = payloads[number], int(payloads.offset[number])
    nodes = parse(block, lenient=True, offset=offset, path=path).nodes
    try:
        made = serialize(_all(nodes, collector, budget))
    except GpmfError as error:
        if not collector.lenient:
            raise
        collector.warn(error.message, path=path, offset=offset)
        return block
    return made + bytes(-len(made) % 4)


def _all(nodes: tuple[Klv, ...], collector: WarningCollector, budget: OutputLimit) -> Iterator[Klv]:
    """KLVs with everything compressed at any depth expanded; nodes without any are the very same."""
    for node in nodes:
        if not node.is_nest:
            yield _one(node, collector, budget)
            continue
        children = tuple(_all(node.children, collector, budget))
        same = all(new is old for new, old in zip(children, node.children, strict=True))
        yield node if same else replace(node, children=children, padding=b"")


def _one(node: Klv, collector: WarningCollector, budget: OutputLimit) -> Klv:
    try:
        return decompress(node, budget=budget)
    except GpmfError as error:
        if not collector.lenient:
            raise
        collector.warn(error.message, path=node.key, offset=node.offset)
        shape = read_sample_shape(node)
        if shape is None or not shape.size:
            return node
        return replace(node, type=shape.char, size=shape.size, repeat=0, data=b"", padding=b"")
