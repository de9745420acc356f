"""Which datum a camera's photo positions are in: as its files say, unless the evidence objects, else by the evidence.

EXIF positions are meant to be WGS84, but apps that take their position from a map service often write GCJ-02 and do not
say so. So a camera whose files name no datum is a device of its own, judged by the same evidence as coordinates in the
ledger: tracks of the same days, the text places of its entries and the unit's ground. Where that cannot tell, its
photos may lie at any of the readings.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.geodesy import DATUMS
from pipeline.ledger.coordinates import Coordinate
from pipeline.ledger.datum import DatumEvidence, infer_datum, objects
from pipeline.ledger.items import Item
from pipeline.ledger.locate import Placed
from pipeline.ledger.photos import PhotoLink, RawPhoto
from pipeline.ledger.tracks import CleanTrack

SAID, INFERRED, OPEN, DOUBTED = "照片写明", "依据证据推断", "未写明，不能判断", "照片写明的基准与证据不符，不能判断"
_STATED_WGS84 = "WGS84"
# the fifth decimal of a degree
_ROUNDING_M = 1.0


@dataclass(frozen=True)
class PhotoDatum:
    """The datum of one camera's photos in one unit; ``stated``: what its files say; ``datum`` None: cannot tell.

    ``files``: its photos with a position; ``evidence``: None where the files' own word was taken without any.
    """

    unit_id: str
    camera: str
    stated: str | None
    datum: str | None
    basis: str
    files: tuple[str, ...]
    evidence: DatumEvidence | None

    def as_json(self) -> dict[str, Any]:
        """Plain values for ``datum.json``."""
        told: dict[str, Any] = {
            "unit_id": self.unit_id, "camera": self.camera, "stated": self.stated, "datum": self.datum,
            "basis": self.basis, "photos": len(self.files),
        }  # fmt: skip
        return told if self.evidence is None else {**told, "evidence": self.evidence.as_json()}


def infer_photo_datums(
    photos: Iterable[RawPhoto],
    links: Mapping[str, PhotoLink],
    tracks: Sequence[CleanTrack],
    placed: Mapping[str, Placed],
    territories: Mapping[str, Any],
    *,
    crs: str,
    min_entries: int,
    min_odds: float,
    sight_m: float,
    max_days_apart: int,
    doubted: Collection[str] = (),
) -> tuple[PhotoDatum, ...]:
    """The datum of every unit's cameras, apart by what their files state.

    ``placed``: text places by entry id; ``territories``: ground by unit id. Files that state GCJ-02, BD-09 or a datum
    nobody can convert are taken at their word. A stated WGS84 is too, unless at least three entries give it less than
    one in twenty: some apps write the name whatever they store. Photos in ``doubted`` (files) are no evidence.
    """
    groups: dict[tuple[str, str, str], list[RawPhoto]] = {}
    for photo in sorted(photos, key=lambda photo: photo.file):
        if photo.lon is not None and photo.lat is not None:
            groups.setdefault((photo.unit_id, photo.camera or "", photo.datum or ""), []).append(photo)
    found = []
    for (unit_id, camera, stated), group in sorted(groups.items()):
        files = tuple(photo.file for photo in group)
        if stated not in ("", _STATED_WGS84):
            found.append(PhotoDatum(unit_id, camera, stated, stated, SAID, files, None))
            continue
        used = [photo for photo in group if photo.file not in doubted]
        evidence = infer_datum(
            unit_id,
            _as_items(used, links, camera),
            tracks,
            placed,
            territories.get(unit_id),
            crs=crs,
            min_entries=min_entries,
            min_odds=min_odds,
            sight_m=sight_m,
            max_days_apart=max_days_apart,
        )
        if stated:
            against = objects(evidence, stated)
            datum, basis = (None, DOUBTED) if against else (stated, SAID)
        else:
            datum, basis = evidence.datum, OPEN if evidence.datum is None else INFERRED
        found.append(PhotoDatum(unit_id, camera, stated or None, datum, basis, files, evidence))
    return tuple(found)


def datums_by_file(found: Iterable[PhotoDatum]) -> dict[str, str | None]:
    """The datum of every photo with a position by its file; None: any of :data:`pipeline.geodesy.DATUMS`."""
    return {file: camera.datum for camera in found for file in camera.files}


def stated_datums(photos: Iterable[RawPhoto]) -> dict[str, str | None]:
    """What every photo with a position says of its datum, for use before anything is inferred."""
    return {photo.file: photo.datum for photo in photos if photo.lon is not None}


def decided(photos: Iterable[RawPhoto], datums: Mapping[str, str | None]) -> list[RawPhoto]:
    """The photos whose datum is told, and so whose position says something of other instruments' datum."""
    return [photo for photo in photos if datums.get(photo.file) in DATUMS]


def _as_items(photos: Sequence[RawPhoto], links: Mapping[str, PhotoLink], camera: str) -> list[Item]:
    """One item per entry that a photo shows: the entry with the photo's position, day and camera."""
    items: dict[str, Item] = {}
    for photo in photos:
        link = links.get(photo.file)
        if link is None or len(link.items) != 1 or photo.lon is None or photo.lat is None:
            continue
        entry = link.items[0]
        day = photo.taken.date() if photo.taken is not None else None
        items.setdefault(
            entry.entry_id,
            replace(
                entry,
                coordinate=Coordinate("degrees", photo.lon, photo.lat, rounding_m=_ROUNDING_M),
                texts={"people": re.sub(r"\W", "", camera)},
                start=day or entry.start,
                end=day or entry.end,
            ),
        )
    return [items[entry_id] for entry_id in sorted(items)]
