"""What covers a piece of ground for a while: the common tongue of construction sites and of everything like them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from pipeline.simulate.wild.materials import variant

FloatArray = NDArray[np.float32]
FOREVER = 1.0e9


@dataclass(frozen=True)
class Phase:
    """Ground ``shape`` (the city's CRS) under a cover from day number ``start`` up to, not with, ``end``.

    The reflectance goes from ``before`` to ``after`` over the phase's first ``ages_days``. ``opacity``: share of the
    ground it covers; ``weeds``: living cover it reaches in a warm season after ``start``; ``height_m`` casts shadow;
    ``order``: higher covers lower; ``rough``: relative texture; ``shiny``: glints on some days.
    """

    shape: BaseGeometry
    start: float
    end: float
    before: FloatArray
    after: FloatArray
    ages_days: float = 1.0
    opacity: float = 1.0
    weeds: float = 0.0
    height_m: float = 0.0
    order: int = 0
    rough: float = 0.08
    shiny: float = 0.0

    def colour(self, number: float) -> FloatArray:
        """Reflectance (6,) on a day number."""
        share = np.float32(np.clip((number - self.start) / max(self.ages_days, 1e-3), 0.0, 1.0))
        return np.asarray(self.before * (1.0 - share) + self.after * share, dtype=np.float32)


@dataclass
class Cover:
    """Collects phases; draws the material variants from one stream."""

    rng: np.random.Generator
    phases: list[Phase] = field(default_factory=list)

    def lay(
        self, shape: BaseGeometry, start: float, end: float, material: str | FloatArray, *,
        into: str | FloatArray | None = None, ages_days: float = 1.0, **more: float,
    ) -> FloatArray:  # fmt: skip
        """Lay a material (a name draws a variant of it) and return its reflectance; empty shapes are left out."""
        colour = variant(material, self.rng) if isinstance(material, str) else material
        other = colour if into is None else variant(into, self.rng) if isinstance(into, str) else into
        if not shape.is_empty and end > start:
            whole = {name: int(value) if name == "order" else float(value) for name, value in more.items()}
            self.phases.append(Phase(shape, float(start), float(end), colour, other, ages_days, **whole))  # type: ignore[arg-type]
        return colour


def active(phases: Sequence[Phase], number: float) -> list[Phase]:
    """The phases of a day, those that cover others last."""
    now = [phase for phase in phases if phase.start <= number < phase.end]
    return sorted(now, key=lambda phase: (phase.order, phase.start))


def event_table(rows: Sequence[tuple[str, float, float, BaseGeometry]], crs: object) -> gpd.GeoDataFrame:
    """Events as a table: kind, from, to (dates; null: for good), geometry."""
    frame = pd.DataFrame([row[:3] for row in rows], columns=["kind", "from", "to"])
    epoch = pd.Timestamp("2025-10-01")
    for name in ("from", "to"):
        days = frame[name].astype("float64").round()
        frame[name] = (epoch + pd.to_timedelta(days.where(days.abs() < 1e6), unit="D")).astype("datetime64[ms]")
    return gpd.GeoDataFrame(frame, geometry=[row[3] for row in rows], crs=crs)
