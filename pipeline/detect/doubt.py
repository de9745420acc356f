"""What a changed object may be instead of new ground: a veil of cloud, a cloud's shadow or rim, or standing water.

Scene classifications and a pixel's own series miss thin and small clouds and what lies about them. Their light betrays
them once all pixels of an object are taken together: a veil adds white to the ground as it was, a shadow takes from
every band, and neither comes without near infrared to tell. Later looks decide; here is only said what to wait for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.spectra import haze_index

FloatArray = NDArray[np.float64]
Ground = Mapping[str, float]
"""Reflectance of a piece of ground by band."""

RIM = "紧邻云或云影，待后续观测"
VEIL = "可能是薄云，待后续观测"
SHADOW = "可能是云影，待后续观测"
WET = "积水或灌水，待水退后观测"

SURE_LOOKS, UNSHADED_LOOKS = 3, 2
"""Clear looks that no passing cloud explains, and such that no shadow does: dark roofs are commoner than two shadows."""
HIDDEN = 0.3
"""Share of an object's rim under cloud, shadow or haze from which on it may be what the mask left over."""
CLOUD = 0.6
"""Reflectance of cloud in every band: the white of which a veil is a part."""
LEAST_VEIL, VEIL_EXPLAINS, WHITER = 0.03, 0.65, 0.02
"""Least part of cloud in a veil; share of the change it must explain; rise of blue over half of red (haze index)."""
SHADE, SHADE_LIGHT = 0.8, 0.02
"""Infrared bands of a shadow keep at most this share of their light; blue, lit by the sky, rises no more than this."""
WET_SWIR, WET_NIR = (0.15, 0.09), 0.18
"""Reflectance in swir1 and swir2 that only water, wet ground and film over them stay below, and in near infrared."""
_NEEDED = ("blue", "red", "nir")


@dataclass(frozen=True)
class State:
    """An object's ground in two looks: median reflectance by band, and ``hidden``, the share of its rim not clear.

    ``around``: the ground about it in the later look, empty where that is not seen.
    """

    before: Ground
    after: Ground
    hidden: float
    around: Ground = field(default_factory=dict)


def doubt_of(state: State, *, looks: int) -> str:
    """Why an object may be no new ground, one of the four above; empty where nothing of that is to be seen.

    ``looks``: clear looks that show it; :data:`SURE_LOOKS` leave only standing water in doubt. Without blue, red and near
    infrared there is nothing to tell veils and shadows by, without short-wave infrared no water.
    """
    if is_wet(state.after) and not is_wet(state.before):
        return WET
    if looks >= SURE_LOOKS:
        return ""
    if state.hidden >= HIDDEN:
        return RIM
    if not set(_NEEDED) <= set(state.after):
        return ""
    if is_veiled(state.before, state.after):
        return VEIL
    return SHADOW if looks < UNSHADED_LOOKS and is_shaded(state.before, state.after) else ""


def is_wet(ground: Ground) -> bool:
    """Whether ground is as dark in short-wave and near infrared as water or flooded soil (MNDWI fails on mud)."""
    if not {"nir", "swir1", "swir2"} <= set(ground):
        return False
    low, lowest = WET_SWIR
    return ground["swir1"] < low and ground["swir2"] < lowest and ground["nir"] < WET_NIR


def is_veiled(before: Ground, after: Ground) -> bool:
    """Whether a part of cloud over the ground as it was explains the change (linear mixture, least squares over bands).

    New soil lacks the rise in blue over red (:func:`~pipeline.spectra.haze_index`), a new roof over plants takes more of
    their near infrared than a veil does.
    """
    first, second = _vector(before, after), _vector(after, before)
    change, towards = second - first, CLOUD - first
    part = float(change @ towards) / float(towards @ towards)
    explained = part * float(change @ towards) / max(float(change @ change), 1e-9)
    whiter = haze_index(after["blue"], after["red"]) - haze_index(before["blue"], before["red"])
    return part >= LEAST_VEIL and explained >= VEIL_EXPLAINS and whiter >= WHITER


def is_shaded(before: Ground, after: Ground) -> bool:
    """Whether all infrared bands lost a fifth of their light and blue gained none."""
    infrared = [name for name in ("nir", "swir1", "swir2") if name in after and name in before]
    darker = all(after[name] <= SHADE * before[name] for name in infrared)
    return darker and after["blue"] - before["blue"] <= SHADE_LIGHT


def _vector(own: Ground, other: Ground) -> FloatArray:
    return np.array([own[name] for name in sorted(set(own) & set(other))], dtype=np.float64)
