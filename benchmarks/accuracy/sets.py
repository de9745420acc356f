"""The sets of image pairs that accuracy is measured on: which files, what their labels mean, on what terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import Resampling, reproject

from pipeline.sources.raster import open_image, opened
from pipeline.spectra import BANDS

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
NAIP_DAYS = ("20090818", "20120731", "20160816", "20190904")
NAIP_BANDS = {"red": 1, "green": 2, "blue": 3, "nir": 4}
FALSE_COLOUR = {"nir": 1, "red": 2, "green": 3}
_SIX_OF_THIRTEEN = (1, 2, 3, 7, 11, 12)


@dataclass(frozen=True)
class Pair:
    """Two images of a place and its label; without a label nothing was built there and every alarm is false.

    ``bands`` and ``gsd_m`` are what a user would have to say of the files; None where the files say it themselves.
    """

    place: str
    before: Path
    after: Path
    label: Path | None = None
    bands: dict[str, int] | None = None
    gsd_m: float | None = None


@dataclass(frozen=True)
class PairSet:
    """Pairs that are pooled. ``gsd_m``: nominal pixel side for areas; ``changed``, ``calm``: values of the label.

    ``calm`` empty: every value that is not ``changed``; else other values are not scored. ``blank``: pixels that are 0
    in all bands of an image are not scored. ``open_terms``: whether pictures of it may be published.
    """

    name: str
    title: str
    pairs: tuple[Pair, ...]
    gsd_m: float
    changed: tuple[int, ...] = (1,)
    calm: tuple[int, ...] = ()
    blank: bool = True
    open_terms: bool = False

    @property
    def labelled(self) -> bool:
        """Whether the set has labels; if not, nothing was built in it."""
        return any(pair.label is not None for pair in self.pairs)


@dataclass(frozen=True)
class Scene:
    """A pair in memory on BEFORE's grid: images (band, row, col), the true change, and which pixels are scored.

    ``partial``: labels cover a part of the ground only, so that areas of objects say nothing.
    """

    before: FloatArray
    after: FloatArray
    bands: tuple[str, ...]
    truth: BoolArray
    known: BoolArray
    gsd_m: float
    partial: bool = False
    transform: Affine = field(default_factory=Affine.identity)
    crs: Any = None


def pair_sets(data: Path, scratch: Path) -> list[PairSet]:
    """All sets whose folders are in ``data``; scenes that are stored as arrays are written below ``scratch``."""
    found = [
        cities(data / "s2_urban_change"),
        _named(data / "vhr_buildings", "New buildings at 0.5 m", "*_t1.tif", 0.5),
        _named(data / "vhr_xian", "Farmland to buildings, RGB of 1 to 2 m", "*_t1.png", 1.5, changed=(255,), say=True),
        _named(
            data / "aerial_szada", "New houses, aerial RGB of 1.5 m", "szada_*_t1.png", 1.5, changed=(255,), say=True
        ),
        _taizhou(data / "landsat_taizhou"),
        _wuhan(data / "gf2_wuhan"),
        _tisza(data / "aerial_szada"),
        _naip(data / "naip_no_construction"),
        _slovenia(data / "s2_slovenia_series", scratch),
    ]
    return [one for one in found if one.pairs]


def cities(folder: Path) -> PairSet:
    """Places with before.tif, after.tif and label.tif, as the ruler has them: pixels of 10 m, blank ones scored."""
    places = sorted(path.parent for path in folder.glob("*/label.tif"))
    pairs = tuple(Pair(one.name, one / "before.tif", one / "after.tif", one / "label.tif") for one in places)
    # blank pixels stay in, as the ruler has them
    return PairSet(folder.name, "Sentinel-2, urban change over about two years", pairs, 10.0, blank=False)


def _named(
    folder: Path, title: str, pattern: str, gsd_m: float, *, changed: tuple[int, ...] = (1,), say: bool = False
) -> PairSet:
    """Files X_t1, X_t2 and X_label; ``say``: they have no georeference, so the pixel size is told."""
    pairs = []
    for before in sorted(folder.glob(pattern)):
        after, label = (before.with_name(before.name.replace("_t1.", f"_{end}.")) for end in ("t2", "label"))
        pairs.append(Pair(before.name.split("_t1.")[0], before, after, label, gsd_m=gsd_m if say else None))
    return PairSet(folder.name, title, tuple(pairs), gsd_m, changed=changed)


def _taizhou(folder: Path) -> PairSet:
    before, after = folder / "before_20000317.tif", folder / "after_20030206.tif"
    pairs = (Pair("taizhou", before, after, folder / "label_sorted.tif"),) if before.is_file() else ()
    title = "Landsat-7, construction among sorted labels"
    return PairSet(folder.name, title, pairs, 30.0, changed=(3,), calm=(1, 2), open_terms=True)


def _wuhan(folder: Path) -> PairSet:
    pair = Pair("wuhan", folder / "t1.tif", folder / "t2.tif", folder / "label.tif", bands=FALSE_COLOUR, gsd_m=4.0)
    pairs = (pair,) if pair.before.is_file() else ()
    return PairSet(folder.name, "Gaofen-2 false colour, any change", pairs, 4.0, changed=(2,), calm=(1,))


def _tisza(folder: Path) -> PairSet:
    firsts = sorted(folder.glob("tisza_*_t1.png"))
    pairs = tuple(Pair(one.name.split("_t1.")[0], one, one.with_name(one.name.replace("_t1.", "_t2.")), gsd_m=1.5)
                  for one in firsts)  # fmt: skip
    return PairSet("tisza", "Ploughed fields, aerial RGB of 1.5 m: nothing built", pairs, 1.5)


def _naip(folder: Path) -> PairSet:
    files = [folder / f"m_4709963_se_14_1_{day}.tif" for day in NAIP_DAYS]
    pairs = tuple(
        Pair(f"{one.stem[-8:-4]}-{two.stem[-8:-4]}", one, two, bands=NAIP_BANDS)
        for one, two in pairwise(files) if one.is_file() and two.is_file()
    )  # fmt: skip
    return PairSet(folder.name, "Farmland and ponds at 5 m: nothing built", pairs, 5.0, open_terms=True)


def _slovenia(folder: Path, scratch: Path) -> PairSet:
    name, title = "s2_slovenia_series", "Five Sentinel-2 scenes of one year: nothing built"
    if not (folder / "REFERENCE_SCENES.npy").is_file():
        return PairSet(name, title, (), 10.0)
    scenes = np.load(folder / "REFERENCE_SCENES.npy").transpose(0, 3, 1, 2)[:, _SIX_OF_THIRTEEN].astype(np.float32)
    files = []
    for number, scene in enumerate(scenes, start=1):
        files.append(scratch / "slovenia" / f"scene{number}.tif")
        write_scene(files[-1], np.clip(np.rint(scene * 10000.0), 1, 20000).astype(np.uint16), BANDS, 10.0)
    pairs = tuple(Pair(f"{one.stem}-{two.stem[-1]}", one, two) for one, two in pairwise(files))
    return PairSet(name, title, pairs, 10.0, open_terms=True)


def write_scene(path: Path, image: NDArray[Any], bands: Sequence[str], pixel_m: float, day: date | None = None) -> None:
    """Write an image (band, row, col) as a GeoTIFF with band names, somewhere in UTM zone 33."""
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "count": len(image), "height": image.shape[1], "width": image.shape[2], "nodata": 0,
               "dtype": image.dtype, "crs": "EPSG:32633",
               "transform": Affine(pixel_m, 0.0, 500_000.0, 0.0, -pixel_m, 5_000_000.0)}  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(image)
        for number, name in enumerate(bands, start=1):
            file.set_band_description(number, name)
        if day is not None:
            file.update_tags(ACQUISITION_DATE=day.isoformat())


def read_scene(group: PairSet, pair: Pair) -> Scene:
    """Read a pair for the peers and the ruler, AFTER brought to BEFORE's grid as the ruler does it (bilinear).

    Raises ValueError for a label with values of unknown meaning.
    """
    first, second = open_image(pair.before, bands=pair.bands), open_image(pair.after, bands=pair.bands)
    bands = tuple(name for name in first.bands if name in second.bands)
    first, second = first.with_bands(bands), second.with_bands(bands)
    with opened(pair.before) as file:
        before = file.read(list(first.indexes)).astype(np.float32) / np.float32(1.0 / first.scale)
        transform, crs = file.transform, file.crs
    with opened(pair.after) as file:
        after = file.read(list(second.indexes)).astype(np.float32) / np.float32(1.0 / second.scale)
        if crs is not None:
            moved = np.zeros_like(before)
            reproject(
                after, moved, src_transform=file.transform, src_crs=file.crs, dst_transform=transform, dst_crs=crs,
                resampling=Resampling.bilinear,
            )  # fmt: skip
            after = moved
    known = np.ones(before.shape[1:], dtype=bool)
    if group.blank:
        known = (before > 0).any(axis=0) & (after > 0).any(axis=0)
    truth = np.zeros(known.shape, dtype=bool)
    if pair.label is not None:
        with opened(pair.label) as file:
            label = file.read(1)
            empty = 0 if file.nodata is None else int(file.nodata)
        strange = set(np.unique(label).tolist()) - {0, empty, *group.changed}
        if strange and not group.calm:
            raise ValueError(f"{pair.label.name} holds {sorted(strange)}, changed is {group.changed}")
        truth = np.isin(label, group.changed)
        known &= truth | np.isin(label, group.calm) if group.calm else True
    return Scene(before, after, bands, truth & known, known, group.gsd_m, bool(group.calm), transform, crs)
