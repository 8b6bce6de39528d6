"""Expands the compressed KLVs of payloads (type '#', see `huffman`) for all readers of samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from eddyline.gpmf.errors import GpmfError, WarningCollector
from eddyline.gpmf.format.huffman import OutputLimit, decompress, read_sample_shape
from eddyline.gpmf.format.klv import Klv, serialize
from eddyline.gpmf.format.reader import parse
from eddyline.gpmf.format.types import COMPRESSED
from eddyline.gpmf.index import Index
from eddyline.gpmf.payloads import Payloads


def decompress_payloads(payloads: Payloads, index: Index, collector: WarningCollector) -> Payloads:
    """The payloads with all compressed KLVs expanded; payloads without any keep their bytes.

    Raises `GpmfError` for invalid codes. A lenient collector records them; the KLV then has no samples.
    """
    rows = np.flatnonzero(index.head >> 24 == ord(COMPRESSED))
    affected = set(index.payload_of[index.device[rows]].tolist())
    output_limit = OutputLimit(len(payloads.data))
    blocks = [
        _block(payloads, number, collector, output_limit) if number in affected else payloads[number]
        for number in range(len(payloads))
    ]
    at = np.zeros(len(blocks) + 1, dtype=np.int64)
    np.cumsum([len(block) for block in blocks], out=at[1:])
    return replace(payloads, data=b"".join(blocks), at=at)


def _block(payloads: Payloads, number: int, collector: WarningCollector, output_limit: OutputLimit) -> bytes:
    path = f"payload[{number}]"
    block, offset = payloads[number], int(payloads.offset[number])
    nodes = parse(block, lenient=True, offset=offset, path=path).nodes
    try:
        expanded = serialize(_expand_nodes(nodes, collector, output_limit))
    except GpmfError as error:
        if not collector.lenient:
            raise
        collector.warn(error.message, path=path, offset=offset)
        return block
    return expanded + bytes(-len(expanded) % 4)


def _expand_nodes(
    nodes: tuple[Klv, ...], collector: WarningCollector, output_limit: OutputLimit
) -> Iterator[Klv]:
    """KLVs with all compressed descendants expanded; nodes without any are returned unchanged."""
    for node in nodes:
        if not node.is_nest:
            yield _expand_node(node, collector, output_limit)
            continue
        children = tuple(_expand_nodes(node.children, collector, output_limit))
        same = all(new is old for new, old in zip(children, node.children, strict=True))
        yield node if same else replace(node, children=children, padding=b"")


def _expand_node(node: Klv, collector: WarningCollector, output_limit: OutputLimit) -> Klv:
    try:
        return decompress(node, output_limit=output_limit)
    except GpmfError as error:
        if not collector.lenient:
            raise
        collector.warn(error.message, path=node.key, offset=node.offset)
        shape = read_sample_shape(node)
        if shape is None or not shape.size:
            return node
        return replace(node, type=shape.char, size=shape.size, repeat=0, data=b"", padding=b"")
