"""The speed that counts is that of passing the site, not the outing's mean."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely

from pipeline.reconcile.sight import SightOptions, sightings
from pipeline.schema import TARGETS, TRACK_PARTS, VISITS, conform, empty
from tests.stages.test_reconcile import TARGET

CRS = "EPSG:4547"
X, Y = 520_000.0, 3_600_000.0
OPTIONS = SightOptions(
    sight_m=100.0, ledger_only_seen=0.2, tall_crop_months=(7, 8, 9), tall_crop_factor=0.6, fast_kmh=40.0
)


def targets() -> gpd.GeoDataFrame:
    row = {
        **TARGET, "target_id": "T1", "first_period": "2026-10", "last_period": "2026-10", "state": "new",
        "stage": "structure", "area_m2": 1000.0, "first_seen": "2026-10-08", "last_clear": "2026-09-20",
        "geometry": shapely.box(X + 5000, Y + 20, X + 5030, Y + 50),
    }  # fmt: skip
    return conform(TARGETS, gpd.GeoDataFrame([row], geometry="geometry", crs=CRS))


def visits(minutes: float) -> gpd.GeoDataFrame:
    line = shapely.LineString([(X + 100 * n, Y) for n in range(101)])
    row = {"visit_id": "V1", "unit_id": "U1", "visited_on": "2026-10-20", "evidence": "track", "file": "a.gpx",
           "length_m": line.length, "minutes": minutes, "geometry": line}  # fmt: skip
    return conform(VISITS, gpd.GeoDataFrame([row], geometry="geometry", crs=CRS))


def parts(*pieces: tuple[float, float, float]) -> gpd.GeoDataFrame:
    """Pieces of (from, to, minutes), metres along the track; a piece without length is a stop."""
    rows = [
        {"visit_id": "V1", "unit_id": "U1", "number": n, "kind": "move" if to > start else "stop",
         "started_at": "2026-10-20", "minutes": minutes, "length_m": to - start, "speed_kmh": 0.0,
         "geometry": shapely.LineString([(X + start, Y), (X + to, Y)]) if to > start else shapely.Point(X + start, Y)}
        for n, (start, to, minutes) in enumerate(pieces)
    ]  # fmt: skip
    return conform(TRACK_PARTS, gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS))


def chance(minutes: float, table: gpd.GeoDataFrame | None) -> float:
    return float(sightings(targets(), visits(minutes), ["C1"], OPTIONS, table)["seen_probability"].iloc[0])


SLOW, FAST = 20.0, 6.0  # minutes for 10 km: 30 and 100 km/h


def test_a_fast_pass_on_a_slow_outing_sees_less() -> None:
    table = parts((0, 4500, 17.0), (4500, 5500, 0.6), (5500, 10_000, 2.4))
    assert chance(SLOW, table) == pytest.approx(0.6 * chance(SLOW, None))


def test_a_slow_pass_on_a_fast_outing_sees_all_and_so_does_a_stop() -> None:
    slow = parts((0, 4500, 1.0), (4500, 5500, 4.0), (5500, 10_000, 1.0))
    stop = parts((0, 5000, 3.0), (5000, 5000, 12.0), (5000, 10_000, 3.0))
    assert chance(FAST, slow) == chance(FAST, stop) == pytest.approx(chance(FAST, None) / 0.6)


def test_without_parts_of_the_visit_the_mean_counts() -> None:
    other = parts((0, 10_000, 1.0)).assign(visit_id="V2")
    assert chance(SLOW, other) == chance(SLOW, None) == chance(SLOW, empty(TRACK_PARTS, CRS))


def test_parts_out_of_sight_do_not_count() -> None:
    assert chance(SLOW, parts((0, 100, 0.01))) == chance(SLOW, None)
