"""From the tiles' answers to the motion of a whole image: a shift, or an affine motion where many tiles support it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.acquire.correlate import REACH_PX, SURE_RESPONSE, BlockAnswer, TileShift
from pipeline.values import Shift

FloatArray = NDArray[np.float64]

POOLED_RESPONSE = 6.0
FAR_RESPONSE = 9.0
FEW_TILES, FEW_RESPONSE = 4, 7.5
TILE_RESPONSE = 4.5
PEAK_PX = 4.0
ASSUMED_PX = 1.0
AFFINE_TILES = 9
AFFINE_GAIN = 0.85
AFFINE_SURE_GAIN = 0.7
AFFINE_MOST_PX = 0.5
AFFINE_LEAST_PX = 0.05
MOST_SLOPE = 0.02
STRAY_SHARE = 1.0 / 3.0
SEED_TILES = 24
SEED_SHARE = 0.6
SEED_GAIN = 1.5
DIGITS = 3
SLOPE_DIGITS = 8
NO_MEASURE = "no shift can be measured from the images: taken as delivered"


@dataclass(frozen=True)
class Measured:
    """Tiles of all blocks of one pass, and their pooled plane in standard deviations of itself."""

    tiles: tuple[TileShift, ...]
    plane: FloatArray | None


def pooled(blocks: Sequence[BlockAnswer]) -> Measured:
    """All blocks' answers, their planes added in block order: a peak that no tile shows for sure may stand out of all."""
    answers = tuple(answer for block in blocks for answer in block.answers)
    total = np.zeros((2 * REACH_PX + 1, 2 * REACH_PX + 1), dtype=np.float64)
    for block in blocks:
        total += block.plane
    # a small tile's plane does not reach the rim, whose zeros must not narrow the spread
    known = total[total != 0.0]
    if not known.size:
        return Measured(answers, None)
    middle = float(np.median(known))
    spread = 1.4826 * float(np.median(np.abs(known - middle)))
    return Measured(answers, np.where(total != 0.0, (total - middle) / max(spread, 1e-12), 0.0))


def first_guess(measured: Measured, *, max_shift_px: float, affine: bool, shape: tuple[int, int]) -> Shift:
    """A motion to begin with: the pooled peak, or what most sure tiles agree on; refused beyond ``max_shift_px``.

    ``shape``: rows and columns of the grid, whose middle the affine terms count from. Where nothing stands out the
    shift is none, not accepted, with :data:`NO_MEASURE` as the reason.
    """
    sure = [tile for tile in measured.tiles if tile.response >= SURE_RESPONSE]
    guesses: list[Shift] = []
    if measured.plane is not None:
        row, col = np.unravel_index(int(np.argmax(measured.plane)), measured.plane.shape)
        far = np.hypot(row - REACH_PX, col - REACH_PX) > max_shift_px
        least = POOLED_RESPONSE if len(measured.tiles) >= FEW_TILES else FEW_RESPONSE
        if measured.plane[row, col] >= (FAR_RESPONSE if far else least):
            guesses.append(_plain(float(row - REACH_PX), float(col - REACH_PX)))
    if affine and len(sure) >= AFFINE_TILES:
        guesses += _seeds(sure, shape)
    if not guesses:
        return Shift(0.0, 0.0, ASSUMED_PX, 0, False, NO_MEASURE)
    near = [int((_away(guess, sure, shape) <= 1.5).sum()) for guess in guesses]
    best = max(range(len(guesses)), key=lambda index: (near[index], -index))
    # chance lets a turn through two tiles meet some others: it has to explain most, and many more than the shift
    if guesses[best].turned and near[best] < max(SEED_SHARE * len(sure), SEED_GAIN * near[0]):
        best = 0
    guess = guesses[best]
    if guess.turned and near[best] < SEED_SHARE * len(sure):
        return Shift(0.0, 0.0, ASSUMED_PX, 0, False, NO_MEASURE)
    length = float(np.hypot(guess.dy_px, guess.dx_px))
    if length > max_shift_px:
        reason = f"the images lie {length:.1f} px apart, more than {max_shift_px:g} px"
        return Shift(0.0, 0.0, round(length, DIGITS), len(measured.tiles), False, reason)
    return guess


def _plain(dy_px: float, dx_px: float) -> Shift:
    return Shift(round(dy_px, DIGITS) + 0.0, round(dx_px, DIGITS) + 0.0, 0.0, 0, True, "")


def _seeds(sure: Sequence[TileShift], shape: tuple[int, int]) -> list[Shift]:
    """Similarity motions (shift, turn, scale) through pairs of the clearest tiles that lie far from each other."""
    chosen = sorted(sure, key=lambda tile: (-tile.response, tile.row, tile.col))[:SEED_TILES]
    places = _places(chosen, shape)
    moves = np.array([complex(tile.dx_px, tile.dy_px) for tile in chosen])
    spots = places[:, 1] + 1j * places[:, 0]
    least = 0.5 * float(np.abs(spots[:, None] - spots[None, :]).max())
    found = []
    for one in range(len(chosen)):
        for other in range(one + 1, len(chosen)):
            apart = spots[other] - spots[one]
            if abs(apart) < max(least, 1.0):
                continue
            slope = (moves[other] - moves[one]) / apart
            if abs(slope) <= MOST_SLOPE:
                zero = moves[one] - slope * spots[one]
                found.append(_turned(zero.imag, zero.real, slope.real, slope.imag, -slope.imag, slope.real))
    return found


def _turned(dy: float, dx: float, dy_row: float, dy_col: float, dx_row: float, dx_col: float) -> Shift:
    slopes = (round(float(value), SLOPE_DIGITS) + 0.0 for value in (dy_row, dy_col, dx_row, dx_col))
    return Shift(round(float(dy), DIGITS) + 0.0, round(float(dx), DIGITS) + 0.0, 0.0, 0, True, "", *slopes)


def _places(tiles: Sequence[TileShift], shape: tuple[int, int]) -> FloatArray:
    """Rows and columns of tiles from the grid's middle, (n, 2)."""
    return np.array([[tile.row - shape[0] / 2.0, tile.col - shape[1] / 2.0] for tile in tiles]).reshape(-1, 2)


def _moves(tiles: Sequence[TileShift]) -> FloatArray:
    return np.array([[tile.dy_px, tile.dx_px] for tile in tiles], dtype=np.float64).reshape(-1, 2)


def moved_by(shift: Shift, places: FloatArray) -> FloatArray:
    """What a motion does at ``places`` (n, 2: rows and columns from the grid's middle): (n, 2) pixels."""
    row, col = places[:, 0], places[:, 1]
    return np.stack(
        [
            shift.dy_px + shift.dy_row * row + shift.dy_col * col,
            shift.dx_px + shift.dx_row * row + shift.dx_col * col,
        ],
        axis=1,
    )


def _away(shift: Shift, tiles: Sequence[TileShift], shape: tuple[int, int]) -> FloatArray:
    if not tiles:
        return np.zeros(0)
    return np.asarray(np.hypot(*(_moves(tiles) - moved_by(shift, _places(tiles, shape))).T), dtype=np.float64)


def improved(shift: Shift, measured: Measured, *, affine: bool, near_px: float, shape: tuple[int, int]) -> Shift:
    """``shift`` plus what the tiles say was left after applying it; unchanged where no tile answers.

    The rest is a robust mean over the tiles within ``near_px`` (Huber), affine where that foretells the tiles left out
    better by more than chance (:data:`AFFINE_GAIN`).
    """
    close = [
        tile
        for tile in measured.tiles
        if tile.response >= TILE_RESPONSE and np.hypot(tile.dy_px, tile.dx_px) <= near_px
    ]
    if not close:
        return _by_pooled_peak(shift, measured, near_px)
    places, moves = _places(close, shape), _moves(close)
    rest = _plain(*_fitted(places, moves, affine=False)[0])
    if affine and _supports_affine(places, moves):
        terms = _fitted(places, moves, affine=True)
        rest = _turned(terms[0, 0], terms[0, 1], terms[1, 0], terms[2, 0], terms[1, 1], terms[2, 1])
    return _added(shift, rest, len(close))


def _added(shift: Shift, rest: Shift, tiles: int) -> Shift:
    return Shift(
        round(shift.dy_px + rest.dy_px, DIGITS) + 0.0,
        round(shift.dx_px + rest.dx_px, DIGITS) + 0.0,
        shift.residual_px,
        tiles,
        shift.accepted,
        shift.reason,
        *(round(one + other, SLOPE_DIGITS) + 0.0 for one, other in zip(_slopes(shift), _slopes(rest), strict=True)),
    )


def _slopes(shift: Shift) -> tuple[float, float, float, float]:
    return shift.dy_row, shift.dy_col, shift.dx_row, shift.dx_col


def _by_pooled_peak(shift: Shift, measured: Measured, near_px: float) -> Shift:
    """Move by the pooled plane's peak near no shift, refined by a parabola; for ground where no tile is sure."""
    if measured.plane is None:
        return shift
    away = np.hypot(*np.ogrid[-REACH_PX : REACH_PX + 1, -REACH_PX : REACH_PX + 1])
    row, col = np.unravel_index(int(np.argmax(np.where(away <= near_px, measured.plane, -np.inf))), away.shape)
    if measured.plane[row, col] < POOLED_RESPONSE:
        return shift
    dy = row - REACH_PX + _top(measured.plane[row - 1 : row + 2, col])
    dx = col - REACH_PX + _top(measured.plane[row, col - 1 : col + 2])
    return _added(shift, _plain(float(dy), float(dx)), 0)


def _top(three: FloatArray) -> float:
    bend = three[0] - 2.0 * three[1] + three[2]
    return float(np.clip(0.5 * (three[0] - three[2]) / bend, -0.5, 0.5)) if bend < 0.0 else 0.0


def _fitted(places: FloatArray, moves: FloatArray, *, affine: bool) -> FloatArray:
    """Huber fit of moves: rows constant, per row, per column (affine only); columns dy, dx."""
    ones = np.ones((len(places), 1))
    design = np.hstack([ones, places / 1000.0]) if affine else ones
    centre = np.median(moves, axis=0)
    terms = np.zeros((design.shape[1], 2))
    terms[0] = centre
    for _ in range(10):
        away = np.hypot(*(moves - design @ terms).T)
        limit = max(1.5 * float(np.median(away)), 0.1)
        weight = np.sqrt(np.minimum(1.0, limit / np.maximum(away, 1e-9)))[:, None]
        terms = np.linalg.lstsq(design * weight, moves * weight, rcond=None)[0]
    scale = np.array([1.0, 1000.0, 1000.0])[: len(terms), None]
    return np.asarray(terms / scale, dtype=np.float64)


def _supports_affine(places: FloatArray, moves: FloatArray) -> bool:
    """Whether an affine motion fitted on half of the tiles foretells the other half clearly better than a shift."""
    if len(places) < AFFINE_TILES or np.linalg.matrix_rank(places - places.mean(axis=0), tol=1.0) < 2:
        return False
    left: dict[bool, list[FloatArray]] = {True: [], False: []}
    for half in (0, 1):
        test = np.arange(len(places)) % 2 == half
        for affine, parts in left.items():
            terms = _fitted(places[~test], moves[~test], affine=affine)
            design = np.hstack([np.ones((int(test.sum()), 1)), places[test]])[:, : len(terms)]
            parts.append(np.hypot(*(moves[test] - design @ terms).T))
    with_turn, without = (float(np.median(np.concatenate(left[affine]))) for affine in (True, False))
    # leaning buildings scatter the tiles of fine images by pixels: there a turn has to explain much more
    gain = AFFINE_GAIN if with_turn <= AFFINE_MOST_PX else AFFINE_SURE_GAIN
    return with_turn <= gain * without and without - with_turn >= AFFINE_LEAST_PX


def judged(shift: Shift, measured: Measured, *, gate_px: float, max_scatter_px: float) -> Shift:
    """The verdict on a motion from the tiles measured after applying it: its residual, or why it is refused.

    Refused when more than ``gate_px`` (or half of ``max_scatter_px``) is left over most tiles, when the tiles scatter by
    more than ``max_scatter_px`` (1.4826 times the median distance), or when a third of the sure tiles lie farther off.
    """
    answering = [tile for tile in measured.tiles if tile.response >= TILE_RESPONSE]
    if not answering:
        return replace(shift, residual_px=ASSUMED_PX, tiles=0)
    moves = _moves(answering)
    centre = np.median(moves, axis=0)
    for _ in range(3):
        near = np.hypot(*(moves - centre).T) <= max(1.5, max_scatter_px)
        centre = np.median(moves[near], axis=0) if near.any() else centre
    left = round(float(np.hypot(*centre)), DIGITS)
    away = np.hypot(*(moves - centre).T)
    scatter = round(float(1.4826 * np.median(away)), DIGITS)
    sure = np.array([tile.response >= SURE_RESPONSE for tile in answering])
    stray = float((away[sure] > max_scatter_px).mean()) if sure.any() else 0.0
    reason = ""
    if scatter > max_scatter_px:
        reason = f"the tiles' answers scatter by {scatter:.1f} px, more than {max_scatter_px:.1f} px"
    elif left > (limit := max(gate_px, 0.5 * max_scatter_px)):
        reason = f"{left:.2f} px are left after correction, more than {limit:.1f} px"
    elif stray > STRAY_SHARE:
        reason = f"{100 * stray:.0f} % of the tiles lie more than {max_scatter_px:.1f} px off the others"
    return replace(shift, residual_px=scatter, tiles=len(answering), accepted=not reason, reason=reason)


def stray_places(tiles: Sequence[TileShift], *, limit_px: float, apart_px: float) -> tuple[TileShift, ...]:
    """Sure tiles that lie more than ``limit_px`` off after the move, where a neighbour says the same.

    Neighbours: middles within ``apart_px``; the same: answers at most 1 px, or a third of their length, apart. One tile
    alone may be misled by what was built in it.
    """
    off = [tile for tile in tiles if tile.response >= SURE_RESPONSE and np.hypot(tile.dy_px, tile.dx_px) > limit_px]

    def agree(one: TileShift, other: TileShift) -> bool:
        alike = max(1.0, float(np.hypot(one.dy_px, one.dx_px)) / 3.0)
        return (
            one is not other
            and np.hypot(one.row - other.row, one.col - other.col) <= apart_px
            and np.hypot(one.dy_px - other.dy_px, one.dx_px - other.dx_px) <= alike
        )

    return tuple(one for one in off if any(agree(one, other) for other in off))


def consensus(shifts: Sequence[Shift]) -> tuple[float, float]:
    """Componentwise median of the shifts of a series, rows and columns: where its scenes agree that the ground lies.

    Scenes err in position independently, so their median position is nearer to the truth than any single scene's.
    """
    if not shifts:
        return 0.0, 0.0
    dy = float(np.median([shift.dy_px for shift in shifts]))
    dx = float(np.median([shift.dx_px for shift in shifts]))
    return round(dy, 3), round(dx, 3)
