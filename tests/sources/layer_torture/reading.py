"""What comes of a delivery: read equal, read otherwise, or refused with its number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import shapely

from pipeline.errors import InputError
from pipeline.sources.layers import check_layers, read_layers
from tests.sources.layer_torture.deliveries import CRS, EXTENT, TOLERANCE_M, Delivery, parcels


@dataclass(frozen=True)
class Outcome:
    """``result``: ``equal``, an error number or what differs; ``note``: what the layer report says of the CRS."""

    result: str
    note: str


def outcome(delivery: Delivery, folder: Path) -> Outcome:
    """Write a delivery into an empty folder, check it and read it; one that is fetched may be refused before."""
    folder.mkdir(parents=True)
    try:
        delivery.write(folder)
    except InputError as problem:
        return Outcome(problem.code, problem.message)
    checked = [problem.code for problem in check_layers(folder, CRS, EXTENT)]
    try:
        layers = read_layers(folder, CRS, EXTENT)
    except InputError as problem:
        same = checked[:1] == [problem.code]
        return Outcome(problem.code if same else f"{problem.code}, but the check says {checked}", problem.message)
    if checked:
        return Outcome(f"read, but the check says {checked}", "")
    entry = next(entry for entry in layers.report["layers"] if entry["role"] == "land_use")
    (source,) = entry["sources"]
    codes = source["land_codes"]
    edition = "" if codes["edition"] == "2017" else f"codes of {codes['edition']}"
    notes = (source["encoding"] if "shapefile" in delivery.name else "", source["crs_note"] or "", edition)
    return Outcome(_difference(layers.land_use) or "equal", "; ".join(note for note in notes if note))


def _difference(land_use: object) -> str:
    """The first thing in which a read layer differs from the parcels, empty for none."""
    expected = parcels()
    pairs = {"parcel_id": "BSM", "class_code": "DLBM", "class_name": "DLMC", "attribute_area_m2": "TBMJ"}
    for column, name in pairs.items():
        if land_use[column].tolist() != expected[name].tolist():  # type: ignore[index]
            return f"{name} reads {land_use[column].tolist()}"  # type: ignore[index]
    apart = shapely.hausdorff_distance(land_use.geometry.to_numpy(), expected.geometry.to_numpy())  # type: ignore[attr-defined]
    return "" if bool((apart < TOLERANCE_M).all()) else f"the ground lies {apart.max():.3f} m off"
