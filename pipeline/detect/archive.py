"""The monitor's state of a block: what every month of up to three years showed, as a few bytes per pixel and month.

A month depends on its own scenes alone, so a state is the same bytes whether it grew month by month or was rebuilt.
What follows from the months (baseline, evidence, onset) is computed from them and never stored.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.spectra import brightness, ndvi, normalised_difference

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]

STATE_VERSION = 1
MAGIC = b"xuncha state\n"
STATES: tuple[str, ...] = ("ndvi", "light", "ndbi", "nbr2", "hue")
PLANES: tuple[str, ...] = (*STATES, "greenest", "scene")
GREENEST, SCENE = 5, 6
# Value of code 1 and step per code; light is the logarithm of mean reflectance over LIGHT_UNIT. Steps are about an
# eighth of what two clear looks at the same ground differ by, so that rounding does not count.
_FIRST = np.array((-0.2, 0.0, -0.8, -0.4, -0.63), dtype=np.float32)
_STEP = np.array((0.005, 0.015, 0.006, 0.004, 0.005), dtype=np.float32)
LIGHT_UNIT = 0.02
_LENGTH = struct.Struct("<I")


class StateError(Exception):
    """Bytes that are no state of this version; the caller rebuilds it."""


@dataclass(frozen=True)
class MonthState:
    """A month of a block. ``values``: uint8 (plane, y, x) of :data:`PLANES`, 0 where there was no clear view.

    ``month``: year * 12 + month - 1. ``key``: digest of everything its values were made of. ``days``: first and last
    day (since 1970-01-01) per scene; plane ``scene`` is 1 plus the index of the pixel's scene. ``chunk``: the values
    as stored, where they come from a state, so that they need not be compressed again.
    """

    month: int
    key: str
    days: tuple[tuple[int, int], ...]
    values: ByteArray
    chunk: bytes | None = None


def coded(values: FloatArray) -> ByteArray:
    """Codes 1..255 of states (state, ...) in the order of :data:`STATES`; 0 for NaN."""
    shape = (-1,) + (1,) * (values.ndim - 1)
    codes = np.rint((values - _FIRST.reshape(shape)) / _STEP.reshape(shape)) + 1.0
    return np.where(np.isfinite(codes), np.clip(codes, 1.0, 255.0), 0.0).astype(np.uint8)


def decoded(codes: ByteArray) -> FloatArray:
    """Inverse of :func:`coded` within half a step; NaN for 0."""
    shape = (-1,) + (1,) * (codes.ndim - 1)
    values = (codes.astype(np.float32) - 1.0) * _STEP.reshape(shape) + _FIRST.reshape(shape)
    return np.where(codes > 0, values, np.nan).astype(np.float32)


def states_of(image: FloatArray, bands: Sequence[str]) -> FloatArray:
    """The states (state, y, x) of a look (band, y, x); those whose bands are missing are NaN everywhere.

    ``ndvi`` needs nir and red, ``ndbi`` swir1 and nir, ``nbr2`` swir1 and swir2, ``hue`` red and blue; ``light`` is
    the mean of all bands, so series of different band sets are not compared with one another.
    """
    band = {name: image[index] for index, name in enumerate(bands)}
    nothing = np.full(image.shape[1:], np.nan, dtype=np.float32)

    def contrast(first: str, second: str) -> FloatArray:
        if not {first, second} <= band.keys():
            return nothing
        return normalised_difference(np.maximum(band[first], 1e-4), np.maximum(band[second], 1e-4))

    light = np.log(np.maximum(brightness(image), np.float32(LIGHT_UNIT)) / np.float32(LIGHT_UNIT))
    green = (
        ndvi(np.maximum(band["nir"], 1e-4), np.maximum(band["red"], 1e-4)) if {"nir", "red"} <= band.keys() else nothing
    )
    return np.stack([green, light, contrast("swir1", "nir"), contrast("swir1", "swir2"), contrast("red", "blue")])


def month_state(
    looks: Sequence[FloatArray], bands: Sequence[str], *, month: int, key: str, days: Sequence[tuple[int, int]]
) -> MonthState:
    """The month of a block from its looks (band, y, x) in order of date, NaN where not clear; at least one look.

    Kept are the states of the latest clear look, its scene, and the greenest NDVI of the month.
    """
    shape = looks[0].shape[1:]
    values = np.zeros((len(PLANES), *shape), dtype=np.uint8)
    for number, look in enumerate(looks, start=1):
        codes = coded(states_of(look, bands))
        clear = np.isfinite(look).all(axis=0)
        values[: len(STATES)] = np.where(clear, codes, values[: len(STATES)])
        values[GREENEST] = np.maximum(values[GREENEST], np.where(clear, codes[0], 0))
        values[SCENE] = np.where(clear, np.uint8(number), values[SCENE])
    return MonthState(month, key, tuple(days), values)


def packed(months: Sequence[MonthState], *, frame: str) -> bytes:
    """A block's state as bytes, months in order; the same months give the same bytes. ``frame``: digest of the grid."""
    chunks, heads = [], []
    for one in sorted(months, key=lambda part: part.month):
        chunk = one.chunk if one.chunk is not None else _compressed(one.values)
        heads.append({"month": one.month, "key": one.key, "days": one.days, "bytes": len(chunk)})
        chunks.append(chunk)
    shape = list(months[0].values.shape[1:]) if months else [0, 0]
    head = {"version": STATE_VERSION, "planes": PLANES, "shape": shape, "frame": frame, "months": heads}
    text = json.dumps(head, sort_keys=True).encode("ascii")
    return b"".join((MAGIC, _LENGTH.pack(len(text)), text, *chunks))


def _compressed(values: ByteArray) -> bytes:
    return zlib.compress(np.diff(values, axis=-1, prepend=np.uint8(0)).tobytes(), 6)


def unpacked(content: bytes, *, frame: str) -> tuple[MonthState, ...]:
    """The months of a state; raises :class:`StateError` where it is damaged or of another version or frame."""
    try:
        if not content.startswith(MAGIC):
            raise StateError("not a state")
        at = len(MAGIC) + _LENGTH.size
        stop = at + _LENGTH.unpack_from(content, len(MAGIC))[0]
        head = json.loads(content[at:stop])
        if head["version"] != STATE_VERSION or tuple(head["planes"]) != PLANES or head["frame"] != frame:
            raise StateError("a state of another version or frame")
        months, at = [], stop
        for one in head["months"]:
            chunk = content[at : at + one["bytes"]]
            plain = zlib.decompress(chunk)
            at += one["bytes"]
            steps = np.frombuffer(plain, dtype=np.uint8).reshape(len(PLANES), *head["shape"])
            values = np.cumsum(steps, axis=-1, dtype=np.uint8)
            days = tuple((int(first), int(last)) for first, last in one["days"])
            months.append(MonthState(int(one["month"]), str(one["key"]), days, values, chunk))
    except (ValueError, KeyError, TypeError, struct.error, zlib.error) as problem:
        raise StateError(f"damaged: {problem}") from problem
    if at != len(content):
        raise StateError("damaged: bytes left over or missing")
    return tuple(months)
