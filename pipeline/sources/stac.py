"""Scenes of a static STAC catalogue on disk; nothing is fetched from a network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import pystac

from pipeline.errors import InputError
from pipeline.values import DateInterval

CATALOGUE = "catalog.json"


@dataclass(frozen=True)
class CatalogueItem:
    """An item of a catalogue: ``data`` and ``classes`` are local paths, ``problem`` says why it cannot be used."""

    name: str
    item: Path
    data: Path | None
    classes: Path | None
    dates: DateInterval | None
    problem: str


def read_catalogue(path: Path) -> tuple[CatalogueItem, ...]:
    """All items below ``path`` (catalog.json), sorted by name.

    An item needs an asset ``data`` (optional ``scl``) on this machine and ``datetime`` or ``start_datetime`` and
    ``end_datetime``; one that lacks them comes back with its problem. Raises InputError E201 when the catalogue
    itself cannot be read.
    """
    try:
        catalogue = pystac.Catalog.from_file(str(path))
        items = list(catalogue.get_items(recursive=True))
    except (OSError, ValueError, KeyError, TypeError, pystac.STACError) as problem:
        raise InputError("E201", f"{path}: {problem}", "give a readable static STAC catalogue") from problem
    return tuple(sorted((_item(item) for item in items), key=lambda item: (item.name, str(item.item))))


def _item(item: Any) -> CatalogueItem:
    dates = _interval(item)
    data, classes = (_local(item, name) for name in ("data", "scl"))
    problem = ""
    if dates is None:
        problem = "item without datetime"
    elif data is None:
        problem = "item without a local asset `data`"
    return CatalogueItem(str(item.id), Path(item.get_self_href()), data, classes, dates, problem)


def _interval(item: Any) -> DateInterval | None:
    common = item.common_metadata
    start, end = common.start_datetime, common.end_datetime
    if start is not None and end is not None:
        return DateInterval(_day(start), _day(end))
    return DateInterval(_day(item.datetime), _day(item.datetime)) if item.datetime is not None else None


def _day(moment: datetime) -> date:
    return moment.date()


def _local(item: Any, name: str) -> Path | None:
    asset = item.assets.get(name)
    if asset is None:
        return None
    href = asset.get_absolute_href() or asset.href
    parts = urlsplit(href)
    if parts.scheme in ("http", "https", "s3", "gs", "ftp"):
        return None
    if parts.scheme == "file":
        return Path(url2pathname(unquote(parts.path)))
    return Path(href)
