"""Areas that a land-use layer states against the areas of its own outlines; both are kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.geodesy import AreaFormula
from pipeline.screen.scale import Scale


def area_differences(land_use: Any, *, share: float, formula: AreaFormula = "geodesic") -> dict[int, dict[str, Any]]:
    """Parcels (``schema.LAND_USE``) whose stated area (TBMJ, m2) is off their ellipsoidal area by more than ``share``.

    By row number, in order. ``share`` is of the ellipsoidal area; areas in m2, two decimals. Parcels without a stated
    area are left out.
    """
    stated = land_use["attribute_area_m2"].to_numpy(dtype=np.float64, na_value=np.nan)
    told = np.flatnonzero(~np.isnan(stated))
    measured = np.full(len(stated), np.nan)
    measured[told] = Scale(land_use.crs, formula).area_m2(land_use.geometry.to_numpy()[told])
    off = np.abs(stated - measured) > share * measured
    return {
        row: {
            "parcel_id": str(land_use["parcel_id"].iloc[row]),
            "stated_m2": round(float(stated[row]), 2),
            "measured_m2": round(float(measured[row]), 2),
        }
        for row in np.flatnonzero(off).tolist()
    }
