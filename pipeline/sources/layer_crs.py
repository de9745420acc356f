"""Where a layer's coordinates lie: its own statement, checked against the city, or what the numbers themselves say.

x is east and y is north in all that leaves this file. The datum can never be told from numbers: Xi'an 1980 and
Beijing 1954 coordinates look like CGCS2000 ones a hundred metres away, so whatever is inferred is said in the report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import shapely

from pipeline.errors import InputError

Bounds = tuple[float, float, float, float]
NEAR_M, SURELY_AWAY_M = 20_000.0, 60_000.0
_MODERN_AXIS_M = 6378137.0
_DEGREES = "EPSG:4490"
_LON, _LAT = (70.0, 140.0), (0.0, 60.0)
_NORTHING_M, _EASTING_M = (1_500_000.0, 6_300_000.0), (100_000.0, 900_000.0)
_DATUM_NOTE = "推断不能分辨西安1980、北京1954坐标，若是则位置偏移约百米，请补交坐标系"


@dataclass(frozen=True)
class Placement:
    """The CRS a layer's coordinates are in, whether they come north before east, and what had to be inferred."""

    crs: Any
    swapped: bool = False
    note: str | None = None

    def east_first(self, geometry: Any) -> Any:
        """Geometry with x east and y north, whatever order it was delivered in."""
        if not self.swapped:
            return geometry
        return shapely.transform(geometry, lambda xy: xy[:, ::-1])


def usable_crs(text: Any) -> pyproj.CRS | None:
    """A projected or geographic CRS, None for nothing, an unreadable text or a drawing's local system."""
    if not text:
        return None
    try:
        crs = pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError:
        return None
    return crs if crs.is_projected or crs.is_geographic else None


def require_safe_transform(where: str, source: pyproj.CRS, target: pyproj.CRS) -> None:
    """Refuse a change of datum that would silently be a null shift (E304).

    CGCS2000 and WGS 84 differ by less than a metre and are taken as equal. Xi'an 1980, Beijing 1954 and any other
    older datum need the bureau's own parameters, given as a TOWGS84 entry in the layer's .prj; zeros are none.
    """
    if source.is_bound:
        if _is_modern(source.source_crs) or _shifts(source):
            return
    elif _datum(source) == _datum(target) or all(_is_modern(crs) for crs in (source, target)):
        return
    raise InputError(
        "E304",
        f"{where}: {source.name} on {_datum(source)}",
        f"have the bureau transform the layer to {target.name}, or put its TOWGS84 parameters into the .prj",
    )


def _shifts(bound: pyproj.CRS) -> bool:
    """Whether a CRS bound to WGS 84 has parameters that move anything."""
    operation = bound.coordinate_operation
    if operation is None or any(grid.short_name.lower() == "null" for grid in operation.grids):
        return False
    return bool(operation.grids) or any(float(value) != 0.0 for value in operation.towgs84)


def _datum(crs: pyproj.CRS) -> str:
    geodetic = crs.geodetic_crs
    return str(geodetic.datum.name) if geodetic is not None and geodetic.datum is not None else "an unknown datum"


def _is_modern(crs: pyproj.CRS | None) -> bool:
    return crs is not None and crs.ellipsoid is not None and crs.ellipsoid.semi_major_metre == _MODERN_AXIS_M


def place(
    where: str, stated: pyproj.CRS | None, assumed: bool, bounds: Bounds, target: pyproj.CRS, extent: Bounds | None
) -> Placement:
    """How to read coordinates that span ``bounds``.

    ``stated``: the CRS the file names; ``assumed``: it names none and its format's default stands there instead;
    ``extent``: the city in ``target``, None where it is not known, and then nothing is inferred. Raises InputError:
    E302 when no CRS is stated and not exactly one reading fits, E304 for an older datum without parameters, E307 when
    the stated CRS puts everything far outside the city.
    """
    if not np.isfinite(bounds).all():
        return Placement(target if stated is None else stated)
    if stated is not None:
        require_safe_transform(where, stated, target)
        if extent is None and not (assumed and _beyond_degrees(bounds)):
            return Placement(stated)
        if extent is not None and _near(bounds, stated, target, extent, SURELY_AWAY_M):
            return Placement(stated, note=_parameters(stated))
    fitting = [] if extent is None else _readings(bounds, target, extent)
    if stated is not None and not assumed and extent is not None:
        return _swapped_or_refused(where, stated, bounds, target, extent, fitting)
    if len(fitting) != 1:
        raise InputError("E302", f"{where} {_unclear(fitting, extent)}", "deliver its .prj, or assign the CRS in a GIS")
    found = fitting[0]
    order = "，且先北后东" if found.swapped else ""
    return Placement(found.crs, found.swapped, f"未注明坐标系，按坐标推断为 {_named(found.crs)}{order}；{_DATUM_NOTE}")


def _unclear(fitting: list[Placement], extent: Bounds | None) -> str:
    if extent is None:
        return "has no usable .prj"
    if not fitting:
        return "has no usable .prj and its coordinates fit the city in no reading (degrees, zone prefix, any meridian)"
    return f"has no usable .prj and its coordinates fit more than one: {', '.join(_named(f.crs) for f in fitting)}"


def _swapped_or_refused(
    where: str,
    stated: pyproj.CRS,
    bounds: Bounds,
    target: pyproj.CRS,
    extent: Bounds,
    fitting: list[Placement],
) -> Placement:
    if _near(_turned(bounds), stated, target, extent, NEAR_M):
        return Placement(stated, True, "坐标先北后东，已按先东后北读入")
    could_be = f"its coordinates fit {_named(fitting[0].crs)}; " if len(fitting) == 1 else ""
    raise InputError(
        "E307",
        f"{where}: read as {stated.name} all of it lies more than {SURELY_AWAY_M / 1000:.0f} km outside the city",
        f"{could_be}correct its .prj or coordinate system, or take the layer out",
    )


def _parameters(stated: pyproj.CRS) -> str | None:
    return "按所附转换参数(TOWGS84)换算" if stated.is_bound and not _is_modern(stated.source_crs) else None


def _named(crs: pyproj.CRS) -> str:
    return f"{crs.name} ({crs.to_string()})"


def _beyond_degrees(bounds: Bounds) -> bool:
    return max(abs(bounds[0]), abs(bounds[2])) > 180.0 or max(abs(bounds[1]), abs(bounds[3])) > 90.0


def _turned(bounds: Bounds) -> Bounds:
    return bounds[1], bounds[0], bounds[3], bounds[2]


def _readings(bounds: Bounds, target: pyproj.CRS, extent: Bounds) -> list[Placement]:
    """All ways to read the numbers as CGCS2000 that put them into or beside the city."""
    return [
        Placement(crs, swapped)
        for swapped, own in ((False, bounds), (True, _turned(bounds)))
        for crs in _systems(own)
        if _near(own, crs, target, extent, NEAR_M)
    ]


def _systems(bounds: Bounds) -> list[pyproj.CRS]:
    """CGCS2000 systems in which numbers of this size occur in China; 6-degree zones share meridians with 3-degree ones."""
    xs, ys = (bounds[0], bounds[2]), (bounds[1], bounds[3])
    if _within(xs, _LON) and _within(ys, _LAT):
        return [pyproj.CRS.from_user_input(_DEGREES)]
    if not _within(ys, _NORTHING_M):
        return []
    zone = int(xs[0] // 1e6)
    if zone == 0:
        return [pyproj.CRS.from_epsg(4534 + k) for k in range(21)] if _within(xs, _EASTING_M) else []
    if not _within((xs[0] - zone * 1e6, xs[1] - zone * 1e6), _EASTING_M):
        return []
    if 25 <= zone <= 45:
        return [pyproj.CRS.from_epsg(4513 + zone - 25)]
    return [pyproj.CRS.from_epsg(4491 + zone - 13)] if 13 <= zone <= 23 else []


def _within(values: tuple[float, float], span: tuple[float, float]) -> bool:
    return span[0] <= min(values) and max(values) <= span[1]


def _near(bounds: Bounds, crs: pyproj.CRS, target: pyproj.CRS, extent: Bounds, margin_m: float) -> bool:
    """Whether bounds in ``crs`` come within ``margin_m`` of the city's extent in ``target`` (metres)."""
    wide = (extent[0] - margin_m, extent[1] - margin_m, extent[2] + margin_m, extent[3] + margin_m)
    to_own = pyproj.Transformer.from_crs(target, crs, always_xy=True)
    try:
        west, south, east, north = to_own.transform_bounds(*wide, densify_pts=5)
    except pyproj.exceptions.ProjError:
        return False
    if not np.isfinite((west, south, east, north)).all():
        return False
    return bool(bounds[0] <= east and bounds[2] >= west and bounds[1] <= north and bounds[3] >= south)
