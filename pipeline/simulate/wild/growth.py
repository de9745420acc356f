"""The state of every plot on a day: living cover, residue, water, film, char, soil; and its reflectance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.wild.frame import day_of_year
from pipeline.simulate.wild.materials import spectrum
from pipeline.simulate.wild.plots import Plots
from pipeline.simulate.wild.weather import Weather

FloatArray = NDArray[np.float32]
Curve = tuple[tuple[float, float], ...]

# living and dead cover over the season's length, 0 sown, 1 harvested
GREEN: dict[str, Curve] = {
    "wheat": ((0, 0), (0.06, 0.02), (0.2, 0.38), (0.38, 0.27), (0.55, 0.36), (0.72, 0.86), (0.86, 1.0), (0.92, 0.8),
              (0.965, 0.22), (1, 0.03)),
    "rape": ((0, 0.02), (0.06, 0.08), (0.24, 0.6), (0.4, 0.45), (0.6, 0.75), (0.74, 1.0), (0.86, 0.9), (0.95, 0.4),
             (1, 0.08)),
    "garlic": ((0, 0), (0.08, 0.02), (0.3, 0.32), (0.55, 0.4), (0.8, 0.95), (0.92, 0.75), (1, 0.3)),
    "maize": ((0, 0), (0.08, 0.01), (0.22, 0.2), (0.42, 0.85), (0.58, 1.0), (0.78, 0.95), (0.9, 0.6), (1, 0.14)),
    "soy": ((0, 0), (0.1, 0.02), (0.3, 0.4), (0.5, 1.0), (0.75, 1.0), (0.92, 0.35), (1, 0.03)),
    "rice": ((0, 0.03), (0.1, 0.08), (0.25, 0.45), (0.4, 0.9), (0.65, 1.0), (0.82, 0.75), (0.95, 0.3), (1, 0.15)),
    "peanut": ((0, 0), (0.1, 0.02), (0.25, 0.2), (0.5, 0.9), (0.75, 1.0), (0.92, 0.65), (1, 0.35)),
    "cotton": ((0, 0), (0.1, 0.03), (0.3, 0.3), (0.5, 0.85), (0.72, 0.95), (0.88, 0.5), (1, 0.15)),
    "melon": ((0, 0.02), (0.2, 0.1), (0.5, 0.7), (0.8, 0.9), (1, 0.35)),
    "vegetables": ((0, 0.02), (0.15, 0.08), (0.5, 0.75), (0.85, 1.0), (1, 0.8)),
}  # fmt: skip
DEAD: dict[str, Curve] = {
    "wheat": ((0.9, 0), (0.97, 0.62), (1, 0.88)), "rape": ((0.88, 0), (1, 0.7)), "garlic": ((0.85, 0), (1, 0.35)),
    "maize": ((0.84, 0), (0.94, 0.35), (1, 0.68)), "soy": ((0.82, 0), (0.94, 0.5), (1, 0.6)),
    "rice": ((0.74, 0), (0.9, 0.45), (1, 0.72)), "peanut": ((0.9, 0), (1, 0.3)), "cotton": ((0.78, 0), (1, 0.55)),
    "melon": ((0.85, 0), (1, 0.4)), "vegetables": ((0, 0), (1, 0)),
}  # fmt: skip
RESIDUE = {"maize": "stover", "cotton": "stover"}
_NAMES = tuple(GREEN)


@dataclass(frozen=True)
class PlotState:
    """Per plot: ``ground`` (n, 6) under the leaves, ``leaf`` (n, 6), living cover ``green`` and ``rough`` texture.

    ``seed``: of the season, so that patchiness changes when the crop does; ``water``: share of open water.
    """

    ground: FloatArray
    leaf: FloatArray
    green: FloatArray
    rough: FloatArray
    seed: NDArray[np.int64]
    water: FloatArray


def warmth(number: float) -> float:
    """How fast weeds grow on a day: 0 in winter, 1 in summer."""
    return float(np.clip(np.sin(np.pi * (day_of_year(number) - 62.0) / 250.0), 0.0, 1.0))


def _along(curve: Curve, phase: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.interp(phase, [at for at, _ in curve], [share for _, share in curve]))


def plot_state(plots: Plots, weather: Weather, number: float) -> PlotState:
    """Everything about the plots on a day number."""
    count, seasons = len(plots.shapes), plots.seasons
    sown, cut = seasons["sown"].to_numpy(), seasons["harvested"].to_numpy()
    plot = seasons["plot"].to_numpy()
    now, past = np.full(count, -1), np.full(count, -1)
    growing = np.flatnonzero((sown <= number) & (number < cut))
    now[plot[growing]] = growing
    done = np.flatnonzero(cut <= number)
    past[plot[done]] = done
    cover = {name: np.zeros(count) for name in ("green", "dead", "water", "film", "black", "char", "ash")}
    leaf: FloatArray = np.tile(spectrum("weeds"), (count, 1))
    seed = np.arange(count) * 7919
    tilled = np.full(count, 200.0)
    dead_kind = np.zeros(count)
    _standing(cover, leaf, seed, tilled, plots, now, number)
    _after_harvest(cover, tilled, dead_kind, plots, now, past, number)
    wetness = _wetness(plots, weather, now, number)
    soil = _soil(plots, wetness, tilled)
    dead = np.where(dead_kind[:, None] > 0, spectrum("stover"), spectrum("straw")) * (1.0 - 0.25 * wetness[:, None])
    ground = soil
    for share, colour in ((cover["dead"], dead), (cover["ash"], spectrum("ash")), (cover["char"], spectrum("char")),
                          (cover["film"], spectrum("white_film")), (cover["black"], spectrum("black_film")),
                          (cover["water"], spectrum("paddy_water"))):  # fmt: skip
        ground = ground * (1.0 - share[:, None]) + colour * share[:, None]
    rough = 0.08 + 0.1 * np.exp(-tilled / 14.0) + 0.05 * cover["dead"] + 0.12 * cover["film"] + 0.3 * cover["char"]
    return PlotState(ground.astype(np.float32), leaf.astype(np.float32), cover["green"].astype(np.float32),
                     rough.astype(np.float32), seed, cover["water"].astype(np.float32))  # fmt: skip


def _standing(
    cover: dict[str, NDArray[np.float64]], leaf: FloatArray, seed: NDArray[np.int64],
    tilled: NDArray[np.float64], plots: Plots, now: NDArray[np.int64], number: float,
) -> None:  # fmt: skip
    """What stands on the plots that are sown."""
    here = np.flatnonzero(now >= 0)
    rows = plots.seasons.iloc[now[here]]
    crop = rows["crop"].to_numpy()
    sown, cut = rows["sown"].to_numpy(), rows["harvested"].to_numpy()
    phase = (number - sown) / np.maximum(cut - sown, 1.0)
    film, flooded, peak = rows["film"].to_numpy(), rows["flooded"].to_numpy(dtype=bool), rows["peak"].to_numpy()
    seed[here] = rows["seed"].to_numpy()
    tilled[here] = np.where(np.isin(crop, ("maize", "soy")), 90.0, number - sown)
    for name in _NAMES:
        mine = crop == name
        if not mine.any():
            continue
        at = here[mine]
        cover["green"][at] = peak[mine] * _along(GREEN[name], phase[mine])
        cover["dead"][at] = _along(DEAD[name], phase[mine])
        leaf[at] = spectrum(name)
        if name == "rape":
            blossom = np.exp(-(((phase[mine] - 0.76) / 0.055) ** 2))[:, None]
            leaf[at] = spectrum("rape") * (1.0 - blossom) + spectrum("rape_flower") * blossom
    gone = np.clip(1.0 - (phase - 0.3) / 0.5, 0.0, 1.0) * np.clip(phase / 0.01, 0.0, 1.0)
    cover["film"][here] = np.where(film == 1, 0.66 * gone, 0.0)
    cover["black"][here] = np.where(film == 2, 0.66 * gone, 0.0)
    wet = np.interp(number - sown, (-1.0, 0.0, 26.0, 34.0, 40.0, 75.0, 90.0), (0.9, 0.95, 0.85, 0.3, 0.75, 0.6, 0.0))
    cover["water"][here] = np.where(flooded, wet, 0.0)


def _after_harvest(
    cover: dict[str, NDArray[np.float64]], tilled: NDArray[np.float64], dead_kind: NDArray[np.float64], plots: Plots,
    now: NDArray[np.int64], past: NDArray[np.int64], number: float,
) -> None:  # fmt: skip
    """Stubble, fire, plough and weeds since the last harvest; residue lies on under a crop drilled into it."""
    seen = np.flatnonzero(past >= 0)
    rows = plots.seasons.iloc[past[seen]]
    since = number - rows["harvested"].to_numpy()
    burnt, ploughed = rows["burnt"].to_numpy(), rows["ploughed"].to_numpy()
    is_burnt, is_ploughed = burnt <= number, ploughed <= number
    age = np.where(is_burnt, number - burnt, 0.0)
    left = rows["residue"].to_numpy() * np.exp(-since / 110.0)
    left = np.where(is_ploughed, 0.12 * left, np.where(is_burnt, 0.1 * left, left))
    growing = now[seen] >= 0
    cover["dead"][seen] = np.maximum(cover["dead"][seen], left)
    fire = is_burnt & ~is_ploughed
    cover["char"][seen] = np.where(fire, 0.82 * np.exp(-age / 11.0), 0.0)
    cover["ash"][seen] = np.where(fire, 0.4 * np.exp(-age / 30.0) * (1.0 - np.exp(-age / 9.0)), 0.0)
    dead_kind[seen] = np.isin(rows["crop"].to_numpy(), tuple(RESIDUE)) * 1.0
    tilled[seen] = np.minimum(tilled[seen], np.where(is_ploughed, number - ploughed, 200.0))
    rest = np.minimum(since, np.where(is_ploughed, number - ploughed, since))
    weeds = 0.62 * (1.0 - np.exp(-np.maximum(rest - 14.0, 0.0) / 45.0)) * warmth(number)
    cover["green"][seen] = np.where(growing, cover["green"][seen], weeds)
    # a paddy is puddled and flooded before it is planted
    coming = plots.seasons[(plots.seasons["sown"] > number) & (plots.seasons["sown"] <= number + 7.0)]
    paddies = coming.loc[coming["flooded"].to_numpy(dtype=bool), "plot"].to_numpy()
    cover["water"][paddies], cover["green"][paddies] = 0.9, 0.02
    never = np.flatnonzero((past < 0) & (now < 0))
    cover["green"][never] = 0.12 + 0.6 * warmth(number)
    cover["dead"][never] = 0.5 - 0.4 * warmth(number)


def _wetness(plots: Plots, weather: Weather, now: NDArray[np.int64], number: float) -> NDArray[np.float64]:
    """Topsoil wetness 0..1: rain, and irrigation of the last days."""
    wet = np.full(len(plots.shapes), weather.of(weather.wet, number))
    here = np.flatnonzero(now >= 0)
    rows = plots.seasons.iloc[now[here]]
    for name in ("irrigated_1", "irrigated_2", "irrigated_3"):
        age = number - rows[name].to_numpy()
        watered = np.where((age >= 0) & (age < 12.0), 0.95 * np.exp(-np.maximum(age, 0.0) / 4.0), 0.0)
        wet[here] = np.maximum(wet[here], watered)
    return wet


def _soil(plots: Plots, wetness: NDArray[np.float64], tilled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Soil (n, 6): a mixture of loam, dark and yellow soil, darker when wet (most in the SWIR) or freshly ploughed."""
    colour = plots.shapes["colour"].to_numpy()
    dark, yellow = np.clip(0.45 - 0.5 * colour, 0.0, 1.0), np.clip(0.25 + 0.4 * colour, 0.0, 0.6)
    dark, yellow = dark * (1.0 - 0.5 * yellow), yellow * 0.7
    rest = np.clip(1.0 - dark - yellow, 0.0, 1.0)
    soil = (dark[:, None] * spectrum("soil_dark") + yellow[:, None] * spectrum("soil_yellow")
            + rest[:, None] * spectrum("soil_loam")) / (dark + yellow + rest)[:, None]  # fmt: skip
    dims = np.array((0.36, 0.37, 0.38, 0.38, 0.48, 0.56))
    clods = 1.0 - 0.2 * np.exp(-tilled / 18.0)
    result: NDArray[np.float64] = (
        soil * plots.shapes["soil"].to_numpy()[:, None] * (1.0 - dims * wetness[:, None]) * clods[:, None]
    )
    return result
