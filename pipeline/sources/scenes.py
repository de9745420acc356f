"""The dated scenes of an image source: a folder of rasters or a static STAC catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from pipeline.errors import InputError, XunchaError
from pipeline.sources.raster import Image, open_image
from pipeline.sources.stac import CATALOGUE, CatalogueItem, read_catalogue
from pipeline.values import DateInterval

SUFFIXES = (".tif", ".tiff", ".jp2", ".vrt", ".img", ".png")
CLASSES = "_SCL"
_DIGITS = re.compile(r"(?<!\d)(\d{4})(\d{2})(\d{2})(?!\d)")


@dataclass(frozen=True)
class Scene:
    """A dated image with its classification; ``files`` decide its content."""

    name: str
    image: Image
    dates: DateInterval
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Refused:
    """A file that could not become a scene, and why."""

    name: str
    reason: str
    files: tuple[Path, ...]


def find_scenes(
    folder: Path, *, first_day: date, last_day: date, bands: Mapping[str, int] | None, scale: float, offset: float
) -> tuple[tuple[Scene, ...], tuple[Refused, ...]]:
    """Scenes whose dates lie wholly in ``first_day``..``last_day``, by last day, first day and name; and the refused.

    Unreadable files and files without a date are refused with the numbered reason; scenes of other days are neither
    opened nor listed. ``bands`` is used for files whose bands have no names of their own. Raises InputError E105 when
    the folder does not exist, E201 when its catalogue cannot be read.
    """
    if not folder.is_dir():
        raise InputError("E105", f"{folder} does not exist", "put the source's scenes there or correct sources.folder")
    catalogue = folder / CATALOGUE
    items = read_catalogue(catalogue) if catalogue.is_file() else _files(folder)
    scenes: list[Scene] = []
    refused: list[Refused] = []
    for item in items:
        files = tuple(path for path in (item.data, item.classes) if path is not None)
        if item.item != item.data:
            files = (item.item, *files)
        if item.problem or item.data is None:
            refused.append(Refused(item.name, item.problem, files))
            continue
        if item.dates is not None and not _within(item.dates, first_day, last_day):
            continue
        try:
            scene = _scene(item, item.data, files, bands, scale, offset)
        except XunchaError as problem:
            reason = f"{problem.code} {problem.message}".replace(str(folder), "").strip()
            refused.append(Refused(item.name, reason, files))
            continue
        if _within(scene.dates, first_day, last_day):
            scenes.append(scene)
    return (
        tuple(sorted(scenes, key=lambda scene: (scene.dates.end, scene.dates.start, scene.name))),
        tuple(sorted(refused, key=lambda one: one.name)),
    )


def _within(dates: DateInterval, first_day: date, last_day: date) -> bool:
    return first_day <= dates.start and dates.end <= last_day


def _files(folder: Path) -> tuple[CatalogueItem, ...]:
    rasters = [path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()]
    plain = sorted((path for path in rasters if not path.stem.endswith(CLASSES)), key=lambda path: path.as_posix())
    items = []
    for path in plain:
        classes = path.with_name(path.stem + CLASSES + path.suffix)
        name = path.relative_to(folder).with_suffix("").as_posix()
        items.append(CatalogueItem(name, path, path, classes if classes.is_file() else None, None, ""))
    return tuple(items)


def date_in_name(name: str) -> date | None:
    """The first eight-digit date in a file name, None when there is none."""
    for match in _DIGITS.finditer(name):
        try:
            return date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            continue
    return None


def _scene(
    item: CatalogueItem,
    data: Path,
    files: tuple[Path, ...],
    bands: Mapping[str, int] | None,
    scale: float,
    offset: float,
) -> Scene:
    image = open_image(data, usual_bands=bands, scale=scale, offset=offset)
    if image.geobox.crs is None:
        raise InputError("E201", f"{data}: no georeference", "georeference the scene")
    dates = item.dates or image.dates
    if dates is None:
        day = date_in_name(data.name)
        if day is None:
            raise InputError("E204", f"{data}: no date", "set tag ACQUISITION_DATE or put YYYYMMDD in the file's name")
        dates = DateInterval(day, day)
    if item.classes is not None:
        open_image(item.classes, bands={"pan": 1})
    return Scene(item.name, replace(image, dates=dates, classes=item.classes), dates, files)
