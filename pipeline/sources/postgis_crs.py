"""Which coordinate reference system an SRID of a PostGIS database means."""

from __future__ import annotations

from dataclasses import dataclass

import pyproj

from pipeline.errors import InputError
from pipeline.sources.layer_crs import usable_crs

_SAME_AXIS_M = 1.0


@dataclass(frozen=True)
class SpatialReference:
    """A row of ``spatial_ref_sys``."""

    srid: int
    auth_name: str | None
    auth_srid: int | None
    srtext: str | None
    proj4text: str | None


def crs_of(reference: SpatialReference) -> pyproj.CRS | None:
    """The CRS of a row; None where its texts cannot be read, as with a file whose .prj cannot.

    A row of a register's own number (EPSG, ESRI) is read by that number, not by its text: the rows that PostGIS ships
    carry somebody's TOWGS84 for Beijing 1954, which are not the bureau's and must not pass as such. The bureau's own
    parameters come with an SRID of its own, in ``srtext`` or else in ``proj4text``.

    Raises InputError E315 where the two texts name different ellipsoids.
    """
    if reference.auth_name and reference.auth_srid == reference.srid:
        try:
            return usable_crs(pyproj.CRS.from_authority(reference.auth_name, reference.srid))
        except pyproj.exceptions.CRSError:
            return usable_crs(reference.srtext)
    text, parameters = usable_crs(reference.srtext), usable_crs(reference.proj4text)
    if text is None or parameters is None:
        return parameters if text is None else text
    if not _same_ellipsoid(text, parameters):
        raise InputError(
            "E315",
            f"SRID {reference.srid}: srtext means {text.ellipsoid}, proj4text {parameters.ellipsoid}",
            "correct its row in spatial_ref_sys",
        )
    return parameters if parameters.is_bound and not text.is_bound else text


def _same_ellipsoid(one: pyproj.CRS, other: pyproj.CRS) -> bool:
    if one.ellipsoid is None or other.ellipsoid is None:
        return False
    return abs(one.ellipsoid.semi_major_metre - other.ellipsoid.semi_major_metre) < _SAME_AXIS_M
