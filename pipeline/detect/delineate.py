"""Candidate pixels to objects: hysteresis, small clean-up, and connected components stitched across blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.grid import Block

MaskArray = NDArray[np.bool_]
LabelArray = NDArray[np.int32]
Part = tuple[tuple[slice, slice], MaskArray]
_EIGHT = np.ones((3, 3), dtype=bool)
EDGE_LEVEL = 0.25
PART_LEVEL = 0.5
CLEAR_RATIO = 5.0


@dataclass(frozen=True)
class Piece:
    """Part of a component inside one block: its label there, extent in the raster, pixels and whether it is strong."""

    block: int
    label: int
    row_start: int
    col_start: int
    row_stop: int
    col_stop: int
    pixels: int
    strong: bool


@dataclass(frozen=True)
class Component:
    """A whole component: pieces as (block number, label) and its extent in the raster."""

    pieces: tuple[tuple[int, int], ...]
    row_start: int
    col_start: int
    row_stop: int
    col_stop: int
    pixels: int

    @property
    def window(self) -> Block:
        return Block(self.row_start, self.col_start, self.row_stop, self.col_stop)


@dataclass(frozen=True)
class BlockPieces:
    """What a block gives to the stitching: its pieces and the labels along its four sides (0: none)."""

    pieces: tuple[Piece, ...]
    top: tuple[int, ...]
    bottom: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]


def clean(mask: MaskArray) -> MaskArray:
    """Close gaps of one pixel, then drop what is thinner than 2 x 2 pixels; needs 4 pixels of halo."""
    cross = ndimage.generate_binary_structure(2, 1)
    closed = ndimage.binary_erosion(ndimage.binary_dilation(mask, cross), cross, border_value=1)
    return np.asarray(ndimage.binary_opening(closed, np.ones((2, 2), dtype=bool)), dtype=bool)


def label_block(weak: MaskArray, strong: MaskArray, block: Block, number: int) -> tuple[LabelArray, BlockPieces]:
    """Label the 8-connected components of ``weak`` inside one block (y, x), numbered in raster order from 1."""
    labels, _ = ndimage.label(weak, structure=_EIGHT)
    labels = labels.astype(np.int32)
    pixels = np.bincount(labels.ravel())
    strong_labels = set(np.unique(labels[strong & weak]).tolist())
    pieces = []
    for label, found in enumerate(ndimage.find_objects(labels), start=1):
        rows, cols = found
        pieces.append(
            Piece(
                number,
                label,
                block.row_start + rows.start,
                block.col_start + cols.start,
                block.row_start + rows.stop,
                block.col_start + cols.stop,
                int(pixels[label]),
                label in strong_labels,
            )
        )
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    top, bottom, left, right = (tuple(side.tolist()) for side in sides)
    return labels, BlockPieces(tuple(pieces), top, bottom, left, right)


def stitch(blocks: tuple[Block, ...], found: Iterable[BlockPieces], *, min_area_px: int) -> tuple[Component, ...]:
    """Join pieces across block seams (8-connected, exactly as on the whole raster) and keep what is worth describing.

    ``found`` is in the order of ``blocks``. Kept are components with a strong pixel and ``min_area_px`` pixels, in
    order of their extent's corner.
    """
    sides = list(found)
    at = {(block.row_start, block.col_start): number for number, block in enumerate(blocks)}
    parent: dict[tuple[int, int], tuple[int, int]] = {
        (piece.block, piece.label): (piece.block, piece.label) for part in sides for piece in part.pieces
    }
    for number, block in enumerate(blocks):
        for row, col, mine, other in (
            (block.row_start, block.col_stop, "right", "left"),
            (block.row_stop, block.col_start, "bottom", "top"),
        ):
            beside = at.get((row, col))
            if beside is not None:
                _join(parent, number, getattr(sides[number], mine), beside, getattr(sides[beside], other))
        for row, col, mine_corner, other_corner in (
            (block.row_stop, block.col_stop, "bottom_right", "top_left"),
            (block.row_stop, block.col_start, "bottom_left", "top_right"),
        ):
            beside = at.get((row, col)) if mine_corner == "bottom_right" else _left_below(blocks, at, block)
            if beside is not None:
                first, second = _corner(sides[number], mine_corner), _corner(sides[beside], other_corner)
                if first and second:
                    _union(parent, (number, first), (beside, second))
    groups: dict[tuple[int, int], list[Piece]] = {}
    for part in sides:
        for piece in part.pieces:
            groups.setdefault(_root(parent, (piece.block, piece.label)), []).append(piece)
    components = [
        _component(group)
        for group in groups.values()
        if any(piece.strong for piece in group) and sum(piece.pixels for piece in group) >= min_area_px
    ]
    return tuple(sorted(components, key=lambda c: (c.row_start, c.col_start, c.row_stop, c.col_stop, c.pieces)))


def _left_below(blocks: tuple[Block, ...], at: dict[tuple[int, int], int], block: Block) -> int | None:
    if block.col_start == 0:
        return None
    width = blocks[0].shape[1]
    return at.get((block.row_stop, block.col_start - width))


def _corner(part: BlockPieces, name: str) -> int:
    vertical, horizontal = name.split("_")
    side = part.top if vertical == "top" else part.bottom
    return side[0] if horizontal == "left" else side[-1]


def _join(
    parent: dict[tuple[int, int], tuple[int, int]],
    first: int,
    first_side: tuple[int, ...],
    second: int,
    second_side: tuple[int, ...],
) -> None:
    for index, label in enumerate(first_side):
        if not label:
            continue
        for near in range(max(index - 1, 0), min(index + 2, len(second_side))):
            if second_side[near]:
                _union(parent, (first, label), (second, second_side[near]))


def _root(parent: dict[tuple[int, int], tuple[int, int]], key: tuple[int, int]) -> tuple[int, int]:
    while parent[key] != key:
        parent[key] = parent[parent[key]]
        key = parent[key]
    return key


def _union(parent: dict[tuple[int, int], tuple[int, int]], first: tuple[int, int], second: tuple[int, int]) -> None:
    one, two = sorted((_root(parent, first), _root(parent, second)))
    parent[two] = one


def _component(group: list[Piece]) -> Component:
    return Component(
        tuple(sorted((piece.block, piece.label) for piece in group)),
        min(piece.row_start for piece in group),
        min(piece.col_start for piece in group),
        max(piece.row_stop for piece in group),
        max(piece.col_stop for piece in group),
        sum(piece.pixels for piece in group),
    )


def component_mask(
    component: Component, blocks: tuple[Block, ...], labels: NDArray[np.int32], window: Block
) -> MaskArray:
    """The component's pixels inside ``window``, from the label raster ``labels`` covering that window."""
    mask = np.zeros(window.shape, dtype=bool)
    for number, label in component.pieces:
        block = blocks[number]
        rows = slice(max(block.row_start, window.row_start), min(block.row_stop, window.row_stop))
        cols = slice(max(block.col_start, window.col_start), min(block.col_stop, window.col_stop))
        if rows.start >= rows.stop or cols.start >= cols.stop:
            continue
        place = (
            slice(rows.start - window.row_start, rows.stop - window.row_start),
            slice(cols.start - window.col_start, cols.stop - window.col_start),
        )
        mask[place] |= labels[place] == label
    return mask


def tightened(mask: MaskArray, change: NDArray[np.float32], *, min_area_px: int) -> MaskArray:
    """The object ``mask`` (y, x) cut back to where ``change`` rises towards the object's own level.

    A smoothed edge lies where the change is half-way between its surroundings and the object; kept are pixels above
    :data:`EDGE_LEVEL` of that way, holes filled. When fewer than ``min_area_px`` would be left, the mask is returned
    unchanged.
    """
    kept = _risen(mask, change, quantile=0.75, share=EDGE_LEVEL)
    return kept if int(kept.sum()) >= min_area_px else mask


def _risen(mask: MaskArray, values: NDArray[np.float32], *, quantile: float, share: float) -> MaskArray:
    """Pixels of ``mask`` (y, x) above ``share`` of the way from the median around it to ``quantile`` inside, holes filled.

    Nothing is cut where there is no ground around to compare with.
    """
    around, inside = values[~mask & np.isfinite(values)], values[mask & np.isfinite(values)]
    if not (len(around) and len(inside)):
        return mask
    base, level = float(np.median(around)), float(np.quantile(inside, quantile))
    kept = mask & (np.nan_to_num(values, nan=-np.inf) >= base + share * (level - base))
    return np.asarray(ndimage.binary_fill_holes(clean(kept)) & mask, dtype=bool)


def parts(mask: MaskArray, odds: NDArray[np.float32], *, min_area_px: int) -> list[Part]:
    """What of ``mask`` (y, x) lies above :data:`PART_LEVEL` of the way to its own 90th percentile of log odds, by :func:`apart`.

    At the scale of houses the evidence is as wide as the gaps between them: what is found as one object is often several
    houses and the street that joins them.
    """
    return apart(_risen(mask, odds, quantile=0.9, share=PART_LEVEL), min_area_px=min_area_px)


def apart(mask: MaskArray, *, min_area_px: int) -> list[Part]:
    """The 8-connected components of at least ``min_area_px`` in raster order: extent in ``mask`` (y, x) and pixels there."""
    labels, count = ndimage.label(mask, structure=_EIGHT)
    pixels = np.bincount(labels.ravel(), minlength=count + 1)
    extents = ndimage.find_objects(labels)
    return [
        (extent, np.asarray(labels[extent] == label, dtype=bool))
        for label, extent in enumerate(extents, start=1) if pixels[label] >= min_area_px
    ]  # fmt: skip


def tightened_clearly(
    mask: MaskArray, change: NDArray[np.float32], odds: NDArray[np.float32], *, min_area_px: int
) -> MaskArray:
    """:func:`tightened` by ``change`` where that stands :data:`CLEAR_RATIO` times above the ground around, else by ``odds``.

    At the scale of houses the size of change varies within a roof as much as beside it; the log odds tell house from
    ground, but their wide windows swell an outline.
    """
    around, inside = change[~mask & np.isfinite(change)], change[mask & np.isfinite(change)]
    clear = len(around) and len(inside) and np.quantile(inside, 0.75) >= CLEAR_RATIO * np.median(around)
    return tightened(mask, change if clear else odds, min_area_px=min_area_px)
