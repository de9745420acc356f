"""The synthetic city's frame: where it lies, how large it is, its days, and one random stream per purpose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import pyproj

CITY_CRS = "EPSG:4547"
SCENE_CRS = "EPSG:32650"
CITY_NAME = "云泽市"
COUNTY_CODE = "419981"
PURPOSES = (
    "parcels", "villages", "land", "texture", "crops", "sites", "timeline", "units", "plan", "layers",
    "scenes", "clouds", "patrols", "tracks", "sightings", "ledgers", "names", "places",
)  # fmt: skip

EPOCH = date(2025, 10, 1)
SCENE_DAYS: tuple[tuple[date, float], ...] = tuple(
    (date.fromisoformat(day), cloud)
    for day, cloud in (
        ("2025-11-12", 0.0), ("2025-12-07", 0.05), ("2026-01-16", 0.0), ("2026-02-10", 1.0), ("2026-03-22", 0.0),
        ("2026-04-11", 0.0), ("2026-04-26", 0.35), ("2026-05-21", 0.0), ("2026-06-10", 0.3), ("2026-06-25", 0.08),
        ("2026-07-15", 0.45), ("2026-07-30", 0.12), ("2026-08-14", 0.25), ("2026-08-29", 0.02), ("2026-09-13", 0.35),
        ("2026-09-26", 0.04), ("2026-10-13", 0.3), ("2026-10-23", 0.03),
    )
)  # fmt: skip
GROUND_MONTHS = ((2026, 8), (2026, 9), (2026, 10), (2026, 11))
DEMO_PERIODS = ("2026-09", "2026-10")
DISPATCHED_ON = {"2026-09": date(2026, 10, 6), "2026-10": date(2026, 11, 5)}
RECONCILED_AS_OF = {"2026-09": date(2026, 11, 9), "2026-10": date(2026, 12, 10)}
LAST_IMAGE = {"2026-08": date(2026, 8, 29), "2026-09": date(2026, 9, 26), "2026-10": date(2026, 10, 23)}

_EAST, _NORTH = 593500.0, 3608500.0


@dataclass(frozen=True)
class Frame:
    """Extent and amounts of a city; lengths in metres of :data:`CITY_CRS`.

    ``sites_*``: how many construction sites began before September, in September and in October as the images
    see it, and after the last image; ``villages``: natural villages beside the town.
    """

    side_m: float
    cell_m: float
    villages: int
    sites_old: int
    sites_september: int
    sites_october: int
    sites_after: int
    lookalikes: int
    largest_site_m2: float
    margin_m: float = 150.0

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """xmin, ymin, xmax, ymax of the city."""
        return _EAST, _NORTH, _EAST + self.side_m, _NORTH + self.side_m

    @property
    def drawn_bounds(self) -> tuple[float, float, float, float]:
        """The bounds of what is drawn: the city and a margin."""
        xmin, ymin, xmax, ymax = self.bounds
        return xmin - self.margin_m, ymin - self.margin_m, xmax + self.margin_m, ymax + self.margin_m

    def at(self, share_x: float, share_y: float) -> tuple[float, float]:
        """City coordinates of a point given in shares of the side, from the south-west corner."""
        return _EAST + share_x * self.side_m, _NORTH + share_y * self.side_m


FRAMES: dict[str, Frame] = {
    "small": Frame(2500.0, 500.0, 5, 5, 7, 7, 2, 3, 16000.0),
    "full": Frame(8000.0, 800.0, 16, 14, 17, 17, 5, 12, 40000.0),
}
Size = Literal["small", "full"]


def generators(seed: int) -> dict[str, np.random.Generator]:
    """One independent random stream per purpose, so that a change in one part leaves the others as they were."""
    children = np.random.SeedSequence(seed).spawn(len(PURPOSES))
    return {name: np.random.default_rng(child) for name, child in zip(PURPOSES, children, strict=True)}


def day_number(day: date) -> int:
    """Days since :data:`EPOCH`."""
    return (day - EPOCH).days


def day_of(number: float) -> date:
    """Inverse of :func:`day_number`, whole days."""
    return EPOCH + timedelta(days=int(number))


def to_degrees(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """City coordinates to longitude and latitude in degrees (WGS84, equal to CGCS2000 within a metre)."""
    transformer = pyproj.Transformer.from_crs(CITY_CRS, "EPSG:4490", always_xy=True)
    lon, lat = transformer.transform(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    return np.asarray(lon), np.asarray(lat)
