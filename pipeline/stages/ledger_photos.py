"""Reads the photos delivered with ledgers: their entries, what is odd about them, their datum and where they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.ledger.items import Item
from pipeline.ledger.locate import Placed
from pipeline.ledger.photo_datum import (
    PhotoDatum,
    datums_by_file,
    decided,
    infer_photo_datums,
    stated_datums,
)
from pipeline.ledger.photos import PhotoLink, RawPhoto, link_photos, photo_oddities, photo_places
from pipeline.ledger.tracks import CleanTrack
from pipeline.sources.photos import is_photo, read_photo_files
from pipeline.sources.unit_folders import UnitFile
from pipeline.stages.base import StageContext


@dataclass(frozen=True)
class Photos:
    """All pictures, the entries they belong to, and reasons to look at some of them."""

    photos: list[RawPhoto]
    links: dict[str, PhotoLink]
    oddities: list[dict[str, Any]]

    @property
    def doubted(self) -> set[str]:
        """Files that may show another place: used twice, or taken on another day."""
        return {row["what"] for row in self.oddities}


def read_photos(context: StageContext, delivered: Sequence[UnitFile], items: Sequence[Item]) -> Photos:
    """The pictures among the delivered files."""
    options = context.config.ledger
    files = [file for file in delivered if is_photo(file)]
    photos = read_photo_files(files, max_mb=options.max_photo_mb, max_megapixels=options.max_photo_megapixels)
    links = link_photos(photos, items)
    return Photos(photos, links, photo_oddities(photos, links, max_days_apart=options.photo_days_apart))


def stated_places(context: StageContext, found: Photos, bounds: tuple[float, float, float, float]) -> dict[str, Placed]:
    """Where photos were taken whose files name their datum, by entry id: all that is known before tracks are read."""
    datums = stated_datums(found.photos)
    return _places(context, found, decided(found.photos, datums), datums, bounds, {})


def photo_datums(
    context: StageContext,
    found: Photos,
    tracks: Sequence[CleanTrack],
    placed: Mapping[str, Placed],
    ground: Mapping[str, Any],
) -> tuple[PhotoDatum, ...]:
    """The datum of every unit's cameras."""
    options = context.config.ledger
    return infer_photo_datums(
        found.photos,
        found.links,
        tracks,
        placed,
        ground,
        crs=context.config.city.crs,
        min_entries=options.datum_min_entries,
        min_odds=options.datum_min_odds,
        sight_m=options.datum_sight_m,
        max_days_apart=options.datum_max_days_apart,
        doubted=found.doubted,
    )


def all_places(
    context: StageContext,
    found: Photos,
    cameras: Sequence[PhotoDatum],
    bounds: tuple[float, float, float, float],
    placed: Mapping[str, Placed],
) -> tuple[dict[str, Placed], dict[str, Placed]]:
    """Where photos were taken by entry id: those of a told datum, and all, the rest as wide as their readings."""
    datums = datums_by_file(cameras)
    told = _places(context, found, decided(found.photos, datums), datums, bounds, {})
    return told, _places(context, found, found.photos, datums, bounds, placed)


def _places(
    context: StageContext,
    found: Photos,
    photos: Sequence[RawPhoto],
    datums: Mapping[str, str | None],
    bounds: tuple[float, float, float, float],
    placed: Mapping[str, Placed],
) -> dict[str, Placed]:
    options = context.config.ledger
    return photo_places(
        photos,
        found.links,
        datums,
        crs=context.config.city.crs,
        bounds=bounds,
        max_outside_m=options.max_outside_m,
        uncertainty_m=options.photo_uncertainty_m,
        placed=placed,
        doubted=found.doubted,
    )
