"""Photos sent with a ledger: which entry each belongs to, where it was taken, and pictures used twice."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.geodesy import DATUMS
from pipeline.ledger.characters import plain
from pipeline.ledger.datum import UNKNOWN_DATUM, city_points
from pipeline.ledger.items import SHARED_POSITION_M, Item
from pipeline.ledger.locate import Placed
from pipeline.ledger.readings import around_readings
from pipeline.ledger.words import TARGET_ID
from pipeline.schema import PHOTOS, conform, empty

BY_NAME, BY_TARGET, BY_ROW = "文件名见于台账", "文件名含监测编号", "文件名含行号"
SAME_FILE, SAME_PICTURE, OTHER_DAY = "photo_same_file", "photo_same_picture", "photo_other_day"
NO_USE = "E515"
LOOK_BITS = 256
_SAME_LOOK_BITS = 20
_ROW = re.compile(r"第?(\d{1,5})行(?:第?(\d{1,2})项)?|(?<![A-Z])ROW[_\- ]?(\d{1,5})(?!\d)", re.IGNORECASE)
_STEM_LEAST = 4
_HOW_TO_NAME = "请把文件名写入备注，或以监测编号、行号命名"


@dataclass(frozen=True)
class RawPhoto:
    """What a picture file says of itself; None for what it does not say.

    ``look``: 256 brightness steps of the reduced picture as an integer; ``taken``: local time; ``lon``, ``lat``:
    degrees in ``datum`` (a key of :data:`pipeline.geodesy.DATUMS`, or an unknown name the file gives; None: it gives
    none); ``error_m``: the receiver's own estimate; ``problem``: why it could not be read.
    """

    unit_id: str
    file: str
    sha256: str
    size_bytes: int
    width: int | None = None
    height: int | None = None
    look: int | None = None
    taken: datetime | None = None
    camera: str | None = None
    lon: float | None = None
    lat: float | None = None
    datum: str | None = None
    error_m: float | None = None
    problem: str | None = None

    @property
    def photo_id(self) -> str:
        """Stable: unit and eight hexadecimal digits of the file's name and content."""
        return f"{self.unit_id}-P-{sha256(f'{self.file}|{self.sha256}'.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class PhotoLink:
    """The entries a photo belongs to, in order, and how that was found."""

    items: tuple[Item, ...]
    by: str


def link_photos(photos: Iterable[RawPhoto], items: Sequence[Item]) -> dict[str, PhotoLink]:
    """Photos to entries of the same unit, by photo file; photos that name no entry are left out.

    First by the photo's file name mentioned in the row (a name of digits alone only with its suffix), then by a target
    id in the photo's name, then by a row number (第12行.jpg, row12.jpg) where only one sheet can be meant.
    """
    by_unit: dict[str, list[tuple[Item, str]]] = {}
    for item in sorted(items, key=lambda item: item.order):
        by_unit.setdefault(item.unit_id, []).append((item, _folded(item.content)))
    links: dict[str, PhotoLink] = {}
    for photo in sorted(photos, key=lambda photo: photo.file):
        own = by_unit.get(photo.unit_id, [])
        link = _by_name(photo, own) or _by_target(photo, own) or _by_row(photo, own)
        if link is not None:
            links[photo.file] = link
    return links


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _by_name(photo: RawPhoto, own: Sequence[tuple[Item, str]]) -> PhotoLink | None:
    name = _folded(photo.file.rsplit("/", 1)[-1])
    stem = name.rsplit(".", 1)[0]
    forms = [name] if stem.isdigit() or len(stem) < _STEM_LEAST else [name, stem]
    patterns = [re.compile(rf"(?<![0-9a-z_\-]){re.escape(form)}(?![0-9a-z_\-])") for form in forms]
    for pattern in patterns:
        rows = [item for item, content in own if pattern.search(content)]
        told = [item for item in rows if any(pattern.search(_folded(text or "")) for text in item.texts.values())]
        if rows:
            return PhotoLink(tuple(told or rows), BY_NAME)
    return None


def _by_target(photo: RawPhoto, own: Sequence[tuple[Item, str]]) -> PhotoLink | None:
    ids = set(TARGET_ID.findall(plain(photo.file).upper()))
    found = [item for item, _ in own if item.target_id in ids]
    if photo.taken is not None:
        day = photo.taken.date()
        apart = [abs((item.start - day).days) if item.start is not None else None for item in found]
        known = [days for days in apart if days is not None]
        found = [item for item, days in zip(found, apart, strict=True) if not known or days == min(known)]
    return PhotoLink(tuple(found), BY_TARGET) if found else None


def _by_row(photo: RawPhoto, own: Sequence[tuple[Item, str]]) -> PhotoLink | None:
    folder, name = photo.file.rsplit("/", 1)
    told = _ROW.search(unicodedata.normalize("NFKC", name))
    if told is None:
        return None
    row, number = int(told[1] or told[3]), told[2]
    found = [item for item, _ in own if item.row == row and (number is None or item.item == int(number))]
    named = [item for item in found if _folded(item.file.rsplit("/", 1)[-1].rsplit(".", 1)[0]) in _folded(photo.file)]
    beside = [item for item in found if folder.startswith(item.file.rsplit("/", 1)[0])]
    for chosen in (named, beside):
        if chosen and len({(item.file, item.sheet) for item in chosen}) == 1:
            return PhotoLink(tuple(chosen), BY_ROW)
    return None


def photo_readings(photo: RawPhoto, datum: str | None, *, crs: str) -> NDArray[np.float64]:
    """City metres (n, 2) of where a photo was taken: in ``datum``, in every datum for None; none where it says nothing.

    A datum that nobody can convert gives no reading.
    """
    names = DATUMS if datum is None else (datum,) if datum in DATUMS else ()
    if photo.lon is None or photo.lat is None or not names:
        return np.empty((0, 2))
    lon, lat = np.array([photo.lon]), np.array([photo.lat])
    return np.vstack([city_points(lon, lat, name, crs) for name in names])


def photo_places(
    photos: Iterable[RawPhoto],
    links: Mapping[str, PhotoLink],
    datums: Mapping[str, str | None],
    *,
    crs: str,
    bounds: tuple[float, float, float, float],
    max_outside_m: float,
    uncertainty_m: float,
    placed: Mapping[str, Placed] | None = None,
    doubted: Collection[str] = (),
) -> dict[str, Placed]:
    """The area each entry's photos were taken in, by entry id.

    ``datums``: by photo file; None there gives the circle around all readings, or around those that the entry's text
    place (``placed``, by entry id) leaves possible. ``uncertainty_m`` covers the receiver and how far the photographer
    stood; the file's own estimate counts where it is worse. Several photos give the circle around all; one photo for
    several findings of a row at least 500 m. Photos farther than ``max_outside_m`` outside ``bounds`` are not used, nor
    are the files ``doubted`` (used twice or taken on another day): they may show another place.
    """
    area = shapely.box(*bounds).buffer(max_outside_m, join_style="mitre")
    taken: dict[str, list[tuple[float, float, float, str]]] = {}
    for photo in sorted(photos, key=lambda photo: photo.file):
        if photo.file not in links or photo.file in doubted:
            continue
        readings = photo_readings(photo, datums.get(photo.file), crs=crs)
        readings = readings[shapely.intersects_xy(area, readings[:, 0], readings[:, 1])]
        if not len(readings):
            continue
        own, name = links[photo.file].items, photo.file.rsplit("/", 1)[-1]
        reach = max(uncertainty_m, photo.error_m or 0.0, SHARED_POSITION_M if len(own) > 1 else 0.0)
        for item in own:
            spot = around_readings(readings, reach, (placed or {}).get(item.entry_id))
            taken.setdefault(item.entry_id, []).append((*spot, name))
    found = {}
    for entry_id, spots in sorted(taken.items()):
        middle = shapely.minimum_bounding_circle(shapely.MultiPoint([spot[:2] for spot in spots])).centroid
        reach = max(float(np.hypot(x - middle.x, y - middle.y)) + own for x, y, own, _ in spots)
        found[entry_id] = Placed(middle.x, middle.y, reach, "、".join(spot[3] for spot in spots), kind="photo")
    return found


def photos_table(
    photos: Iterable[RawPhoto], links: Mapping[str, PhotoLink], datums: Mapping[str, str | None], *, crs: str
) -> Any:
    """The table PHOTOS: every picture delivered with the ledgers, with its entries or without.

    ``datums``: by photo file; one that is not told (None) leaves the picture without a point.
    """
    photos = sorted(photos, key=lambda photo: photo.photo_id)
    if not photos:
        return empty(PHOTOS, crs)
    told = {photo.file: datums.get(photo.file) for photo in photos}
    points = {photo.file: photo_readings(photo, told[photo.file], crs=crs) for photo in photos}
    rows = [
        {
            "photo_id": photo.photo_id, "unit_id": photo.unit_id, "file": photo.file, "sha256": photo.sha256,
            "size_bytes": photo.size_bytes, "width": photo.width, "height": photo.height,
            "look": None if photo.look is None else f"{photo.look:064x}",
            "taken_on": pd.NaT if photo.taken is None else pd.Timestamp(photo.taken.date()),
            "taken_at": None if photo.taken is None else f"{photo.taken:%H:%M:%S}", "camera": photo.camera,
            "datum": (told[photo.file] or UNKNOWN_DATUM) if photo.lon is not None else None, "error_m": photo.error_m,
            "entry_ids": ";".join(i.entry_id for i in links[photo.file].items) if photo.file in links else None,
            "linked_by": links[photo.file].by if photo.file in links else None,
            "doubts": "；".join(_doubts(photo, links, told[photo.file])) or None,
            "geometry": shapely.Point(np.round(points[photo.file][0], 2)) if len(points[photo.file]) == 1 else None,
        }
        for photo in photos
    ]  # fmt: skip
    return conform(PHOTOS, gpd.GeoDataFrame(rows, geometry="geometry", crs=crs))


def _doubts(photo: RawPhoto, links: Mapping[str, PhotoLink], datum: str | None) -> list[str]:
    told = [photo.problem] if photo.problem else []
    if photo.lon is not None and datum is None:
        told.append("坐标基准不能判断，位置可能是WGS84、GCJ-02或BD-09中任一种")
    elif photo.lon is not None and datum not in DATUMS:
        told.append(f"照片写明坐标基准{datum}，不能换算，位置未采用")
    if photo.file not in links:
        told.append(f"没有台账条目提到这张照片；{_HOW_TO_NAME}")
    return told


def photo_rejections(photos: Iterable[RawPhoto], links: Mapping[str, PhotoLink]) -> list[dict[str, Any]]:
    """Rows of REJECTED (E515) for pictures that could not be read, and for those that no entry names.

    Such a picture may be a page of a ledger, also one taken with a phone, or show a finding that was never typed in.
    """
    rows = []
    for photo in photos:
        unnamed = (
            "" if photo.file in links else f"没有台账条目提到这张照片；{_HOW_TO_NAME}；若是台账扫描件，请录入.xlsx"
        )
        reason = photo.problem or unnamed
        if reason:
            rows.append({"unit_id": photo.unit_id, "file": photo.file, "sheet": None, "row": None, "field": None,
                         "content": None, "code": NO_USE, "reason": reason})  # fmt: skip
    return rows


def photo_oddities(
    photos: Iterable[RawPhoto], links: Mapping[str, PhotoLink], *, max_days_apart: int
) -> list[dict[str, Any]]:
    """Reasons to look, never accusations: pictures under two entries or units, or taken on another day.

    Rows of unit_id, file, sheet, row, kind, what, reason; each side of a pair has its own row. Copies of a picture
    that belong to the same row, or to no entry of the same unit, are no reason.
    """
    photos = sorted(photos, key=lambda photo: photo.file)
    rows: list[dict[str, Any]] = []
    for photo in photos:
        for item in links[photo.file].items if photo.file in links else ():
            rows += _other_day(photo, item, max_days_apart)
    for one, other, kind in _alike(photos):
        for mine, theirs in ((one, other), (other, one)):
            rows += _used_twice(mine, theirs, kind, links)
    for photo in photos:
        rows += _shared_by_rows(photo, links)
    keys = ("unit_id", "file", "sheet", "row", "kind", "what", "reason")
    return sorted(rows, key=lambda row: tuple(str(row[key] or "") for key in keys))


def _odd(photo: RawPhoto, item: Item | None, kind: str, reason: str) -> dict[str, Any]:
    where = (photo.file, None, None) if item is None else (item.file, item.sheet, item.row)
    return {"unit_id": photo.unit_id, "file": where[0], "sheet": where[1], "row": where[2], "kind": kind,
            "what": photo.file, "reason": reason}  # fmt: skip


def _other_day(photo: RawPhoto, item: Item, max_days_apart: int) -> list[dict[str, Any]]:
    if photo.taken is None or item.start is None or item.end is None:
        return []
    day, slack = photo.taken.date(), timedelta(days=max_days_apart)
    if item.start - slack <= day <= item.end + slack:
        return []
    reason = f"照片记录的拍摄日期为{day}，条目日期为{item.start}；可能是相机时钟不准或另行补拍，请核对"
    return [_odd(photo, item, OTHER_DAY, reason)]


def _rows_named(photo: RawPhoto, links: Mapping[str, PhotoLink]) -> dict[tuple[str, str, int], Item]:
    link = links.get(photo.file)
    return {} if link is None else {(item.file, item.sheet, item.row): item for item in link.items}


def _used_twice(photo: RawPhoto, other: RawPhoto, kind: str, links: Mapping[str, PhotoLink]) -> list[dict[str, Any]]:
    mine, theirs = _rows_named(photo, links), _rows_named(other, links)
    if photo.unit_id == other.unit_id and (not mine or not theirs or mine.keys() == theirs.keys()):
        return []
    place = "、".join(f"{file} {sheet} 第{row}行" for file, sheet, row in sorted(theirs)) or "未对应条目"
    how = "与另一照片是同一文件" if kind == SAME_FILE else "与另一照片画面几乎相同"
    reason = f"{how}：{other.file}（{place}）；可能是同一处复查或误附，请核对"
    addressed: list[Item | None] = [*mine.values()] or [None]
    return [_odd(photo, item, kind, reason) for item in addressed]


def _shared_by_rows(photo: RawPhoto, links: Mapping[str, PhotoLink]) -> list[dict[str, Any]]:
    """A file that several rows name itself."""
    rows = _rows_named(photo, links)
    if len(rows) < 2:
        return []
    found = []
    for key, item in sorted(rows.items()):
        others = "、".join(
            f"{file} {sheet} 第{row}行" for file, sheet, row in sorted(rows) if (file, sheet, row) != key
        )
        reason = f"同一照片还用于{others}；可能是同一处复查或误附，请核对"
        found.append(_odd(photo, item, SAME_FILE, reason))
    return found


def _alike(photos: Sequence[RawPhoto]) -> list[tuple[RawPhoto, RawPhoto, str]]:
    """Pairs with the same bytes, or whose looks differ in at most 20 of 256 steps."""
    pairs: list[tuple[RawPhoto, RawPhoto, str]] = []
    looks = _look_bits(photos)
    seen = np.array([photo.look is not None for photo in photos], dtype=bool)
    hashes = np.array([photo.sha256 for photo in photos])
    for first in range(len(photos) - 1):
        same = hashes[first + 1 :] == hashes[first]
        apart = np.bitwise_count(looks[first + 1 :] ^ looks[first]).sum(axis=1)
        alike = seen[first + 1 :] & seen[first] & (apart <= _SAME_LOOK_BITS)
        for second in np.flatnonzero(same | alike):
            kind = SAME_FILE if same[second] else SAME_PICTURE
            pairs.append((photos[first], photos[first + 1 + int(second)], kind))
    return pairs


def _look_bits(photos: Sequence[RawPhoto]) -> NDArray[np.uint64]:
    words = [[((photo.look or 0) >> (64 * part)) & (2**64 - 1) for part in range(LOOK_BITS // 64)] for photo in photos]
    return np.array(words, dtype=np.uint64).reshape(len(photos), LOOK_BITS // 64)
