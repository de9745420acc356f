from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pystac
import pytest

from pipeline.errors import InputError
from pipeline.sources.scenes import find_scenes
from pipeline.sources.stac import read_catalogue
from pipeline.values import DateInterval
from tests.imagery import fields, write

BOX = [116.9, 32.4, 117.1, 32.6]


def catalogue(folder: Path) -> Path:
    """A static catalogue: a dated scene with classes, a mosaic, one without dates and one on a server."""
    root = pystac.Catalog("city", "scenes")
    data = write(folder / "images" / "a.tif", fields(30, 30))
    scl = write(folder / "images" / "a_classes.tif", np.full((1, 15, 15), 4.0), dtype="uint8", scale=1.0, bands=None)
    mosaic = write(folder / "images" / "十月.tif", fields(30, 30))
    start, end = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 20, tzinfo=UTC)
    dated = pystac.Item("dated", None, BOX, datetime(2026, 9, 13, tzinfo=UTC), {})
    between = pystac.Item("mosaic", None, BOX, None, {}, start_datetime=start, end_datetime=end)
    remote = pystac.Item("remote", None, BOX, datetime(2026, 9, 14, tzinfo=UTC), {})
    bare = pystac.Item("bare", None, BOX, datetime(2026, 9, 15, tzinfo=UTC), {})
    dated.add_asset("data", pystac.Asset(str(data)))
    dated.add_asset("scl", pystac.Asset(str(scl)))
    between.add_asset("data", pystac.Asset(str(mosaic)))
    remote.add_asset("data", pystac.Asset("https://example.org/a.tif"))
    for item in (dated, between, remote, bare):
        root.add_item(item)
    root.normalize_hrefs(str(folder))
    root.make_all_asset_hrefs_relative()
    root.save(pystac.CatalogType.SELF_CONTAINED)
    return folder / "catalog.json"


def test_items_dates_and_local_assets(tmp_path: Path) -> None:
    items = {item.name: item for item in read_catalogue(catalogue(tmp_path))}
    assert items["dated"].dates == DateInterval(date(2026, 9, 13), date(2026, 9, 13))
    assert items["mosaic"].dates == DateInterval(date(2026, 10, 1), date(2026, 10, 20))
    assert (
        items["dated"].data is not None and items["dated"].data.resolve() == (tmp_path / "images" / "a.tif").resolve()
    )
    assert items["dated"].classes is not None and items["dated"].problem == ""
    assert items["remote"].problem == items["bare"].problem == "item without a local asset `data`"


def test_a_catalogue_gives_scenes(tmp_path: Path) -> None:
    catalogue(tmp_path)
    scenes, refused = find_scenes(
        tmp_path, first_day=date(2026, 9, 1), last_day=date(2026, 10, 31), bands=None, scale=0.0001, offset=0.0
    )
    assert [one.name for one in scenes] == ["dated", "mosaic"]
    assert [one.name for one in refused] == ["bare", "remote"]
    assert scenes[0].image.classes is not None and len(scenes[0].files) == 3


def test_a_damaged_catalogue_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "catalog.json"
    path.write_text('{"type": "Cat', encoding="utf-8")
    with pytest.raises(InputError, match="E201"):
        read_catalogue(path)
