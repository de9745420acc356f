"""False alarms of the NDVI-only monitor and its peers on a real series in which nothing is built, and squares built over it.

usage: python -m benchmarks.series_truth DIR

DIR is a folder like s2_slovenia_series. Counted are also how many of 40 squares of 50 m, bare (NDVI 0.16) from a day on
that is drawn, are found and when. Where the package pyxccd can be imported, COLD (three and six looks running, of all
looks) is a peer.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from affine import Affine
from numpy.typing import NDArray

from benchmarks.time_peers import Masks, objects_of, peer_masks
from pipeline.detect.archive import PLANES, MonthState, coded
from pipeline.detect.monitor import Calibration, Followed, calibration, follow, scene_sample
from pipeline.detect.season import Series, series_of
from pipeline.values import number_of_day

FOLLOWED = 12
START = 18
"""Months of a real series that are only looked at."""
LEVELS = {"early": Followed.EARLY, "probable": Followed.PROBABLE, "confirmed": Followed.CONFIRMED}


@dataclass(frozen=True)
class Looks:
    """A real series: NDVI (look, y, x), NaN where not clear, and the day of each look."""

    ndvi: NDArray[np.float32]
    days: tuple[date, ...]

    @property
    def numbers(self) -> NDArray[Any]:
        """The looks' months."""
        return np.array([day.year * 12 + day.month - 1 for day in self.days])

    @property
    def months(self) -> NDArray[Any]:
        """All months of the series."""
        return np.arange(self.numbers.min(), self.numbers.max() + 1)


def real_series(folder: Path) -> Looks:
    """The looks of a folder like s2_slovenia_series."""
    ndvi, valid = np.load(folder / "NDVI.npy")[..., 0], np.load(folder / "IS_VALID.npy")[..., 0].astype(bool)
    cloudy = np.load(folder / "CLM.npy")[..., 0] > 0
    stamps = json.loads((folder / "timestamps.json").read_text(encoding="utf-8"))
    days = tuple(datetime.fromisoformat(text).date() for text in stamps)
    return Looks(np.where(valid & ~cloudy, ndvi, np.nan).astype(np.float32), days)


def built_over(looks: Looks, count: int = 40, seed: int = 5) -> tuple[Looks, list[tuple[slice, slice, int]]]:
    """The series with ``count`` bare squares of 50 m from a drawn day on; their place and the month of onset."""
    rng = np.random.default_rng(seed)
    ndvi, size = looks.ndvi.copy(), looks.ndvi.shape[1:]
    spots = [(row, col) for row in range(4, size[0] - 8, 12) for col in range(4, size[1] - 8, 12)]
    green = [at for at in spots if np.nanmedian(looks.ndvi[:, at[0] : at[0] + 5, at[1] : at[1] + 5]) > 0.4]
    sites = []
    for number in rng.permutation(len(green))[:count]:
        rows, cols = (slice(place, place + 5) for place in green[int(number)])
        month = int(looks.months[int(rng.integers(START, len(looks.months) - 4))])
        later = looks.numbers >= month
        bare = 0.16 + 0.03 * rng.standard_normal((int(later.sum()), 5, 5))
        ndvi[later, rows, cols] = np.where(np.isfinite(ndvi[later, rows, cols]), bare, np.nan)
        sites.append((rows, cols, month))
    return Looks(ndvi, looks.days), sites


def _states(looks: Looks) -> tuple[MonthState, ...]:
    states = []
    for month in looks.months:
        values = np.zeros((len(PLANES), *looks.ndvi.shape[1:]), dtype=np.uint8)
        for ndvi in looks.ndvi[looks.numbers == month]:
            code = coded(np.stack([ndvi] + [np.full_like(ndvi, np.nan)] * 4))[0]
            clear = np.isfinite(ndvi)
            values[0] = np.where(clear, code, values[0])
            values[5] = np.maximum(values[5], np.where(clear, code, 0))
            values[6] = np.where(clear, 1, values[6])
        day = number_of_day(date(int(month) // 12, int(month) % 12 + 1, 15))
        states.append(MonthState(int(month), str(month), ((day, day),), values))
    return tuple(states)


def series_alarms(looks: Looks) -> dict[str, Masks]:
    """Newly alarmed pixels (y, x) per method and index of the month, from :data:`START` on."""
    months, size = looks.months, looks.ndvi.shape[1:]
    latest = np.full((len(months), *size), np.nan, dtype=np.float32)
    for at, month in enumerate(months):
        for ndvi in looks.ndvi[looks.numbers == month]:
            latest[at] = np.where(np.isfinite(ndvi), ndvi, latest[at])
    found = peer_masks(latest.reshape(len(months), -1), months, START)
    alarms = {name: {at: mask.reshape(size) for at, mask in masks.items()} for name, masks in found.items()}
    states = _states(looks)
    before: dict[str, NDArray[np.bool_]] = {name: np.zeros(size, dtype=bool) for name in LEVELS}
    for at in range(START, len(months)):
        series: Series = series_of(states[: at + 1], int(months[at]), size, most=36)
        habits: Calibration = calibration(scene_sample(series, follow_months=FOLLOWED))
        state = follow(series, habits, follow_months=FOLLOWED).state.reshape(size)
        for name, level in LEVELS.items():
            now = (state >= level) & (state <= Followed.CONFIRMED)
            alarms.setdefault(f"xuncha, NDVI only, {name}", {})[at] = now & ~before[name]
            before[name] |= now
    if has_cold():
        for conse in (3, 6):
            alarms[f"COLD x{conse}"] = cold_alarms(looks, conse)
    return alarms


def has_cold() -> bool:
    """Whether the package with COLD is installed."""
    return importlib.util.find_spec("pyxccd") is not None


def cold_alarms(looks: Looks, conse: int) -> Masks:
    """Pixels whose NDVI breaks downwards after COLD, in the month of the ``conse``-th look after the break."""
    from pyxccd import cold_detect_flex

    ordinals, size = np.array([day.toordinal() for day in looks.days], dtype=np.int64), looks.ndvi.shape[1:]
    numbers, start = looks.numbers, looks.months[0]
    masks: Masks = {at: np.zeros(size, dtype=bool) for at in range(START, len(looks.months))}
    for row, col in np.ndindex(*size):
        own = looks.ndvi[:, row, col]
        clear = np.isfinite(own)
        stack = np.repeat(np.nan_to_num(own * 10000.0)[:, None], 2, axis=1).astype(np.int64)
        try:
            parts = cold_detect_flex(
                ordinals, stack, np.where(clear, 0, 4).astype(np.int64), 20, p_cg=0.99, conse=conse,
                tmask_b1_index=1, tmask_b2_index=2,
            )  # fmt: skip
        except RuntimeError:
            continue  # COLD refuses a pixel with too few clear looks
        for part in parts:
            if part["t_break"] > 0 and part["magnitude"][0] < 0:
                after = np.flatnonzero(clear & (ordinals >= part["t_break"]))
                if len(after) >= conse and (at := int(numbers[after[conse - 1]] - start)) in masks:
                    masks[at][row, col] = True
    return masks


def series_table(folder: Path) -> pd.DataFrame:
    """False alarms per 100 km2 and month on the series as it is; share and lag of the squares built over it."""
    plain = real_series(folder)
    built, sites = built_over(plain)
    quiet, busy = series_alarms(plain), series_alarms(built)
    transform, months = Affine(10, 0, 0, 0, -10, 0), plain.months
    area_m2, count = plain.ndvi[0].size * 100.0, len(months) - START
    rows = []
    for method, masks in quiet.items():
        false = sum(len(objects_of(mask, transform, 400.0)) for mask in masks.values())
        lags = []
        for where in sites:
            first = np.flatnonzero(
                (built.numbers >= where[2]) & np.isfinite(built.ndvi[:, *where[:2]]).all(axis=(1, 2))
            )
            view = int(built.numbers[first[0]] - months[0]) if len(first) else None
            seen = [at for at, mask in sorted(busy[method].items()) if mask[where[:2]].mean() >= 0.3]
            seen = [at for at in seen if view is not None and at >= view]
            lags += [seen[0] - view] if seen and view is not None else []
        rows.append(
            {"method": method, "false/100km2/month": 1e8 * false / area_m2 / count, "squares": len(sites),
             "found": len(lags), "median lag": float(np.median(lags)) if lags else float("nan")}
        )  # fmt: skip
    return pd.DataFrame(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", type=Path, help="A folder like s2_slovenia_series")
    options = parser.parse_args(arguments)
    print(series_table(options.series).to_string(index=False, float_format="{:.2f}".format))


if __name__ == "__main__":
    main()
