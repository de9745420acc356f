"""Rasters of any GDAL format: what they hold, whether they are whole, and blocks of them on the working grid."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from pipeline.acquire.clouds import codes_of_scl
from pipeline.acquire.resample import MARGIN_PX, interpolate_averaged, nearest
from pipeline.errors import InputError
from pipeline.geodesy import pixel_size_m
from pipeline.grid import Block
from pipeline.spectra import BANDS, RESERVED_BANDS
from pipeline.values import DateInterval, Shift, Validity

FloatArray = NDArray[np.float32]
UNMOVED = Shift(0.0, 0.0, 0.0, 0, True, "")

NODE_PX = 16

_OPENING = threading.Lock()
_BY_COUNT: dict[int, tuple[str, ...]] = {
    1: ("pan",),
    3: ("red", "green", "blue"),
    4: ("blue", "green", "red", "nir"),
    6: BANDS,
}
_ALIASES = {"nir1": "nir", "b02": "blue", "b03": "green", "b04": "red", "b08": "nir", "b11": "swir1", "b12": "swir2"}


@dataclass(frozen=True)
class Image:
    """A raster file and how its numbers become reflectance.

    ``bands`` are names, ``indexes`` their 1-based places in the file; stored number times ``scale`` plus ``offset``
    is reflectance. ``nodata``: pixels with it in any band (0: in all bands) have no value. ``classes``: a Sentinel-2
    scene classification of the same image on its own grid.
    """

    path: Path
    geobox: GeoBox
    bands: tuple[str, ...]
    indexes: tuple[int, ...]
    dtype: str
    nodata: float | None
    scale: float
    offset: float
    dates: DateInterval | None
    classes: Path | None = None

    @property
    def georeferenced(self) -> bool:
        return self.geobox.crs is not None

    def pixel_m(self) -> float | None:
        """Side of a pixel on the ground in metres, at the image's middle; None without georeference."""
        if self.geobox.crs is None:
            return None
        rows, cols = self.geobox.shape
        centre = mapped(self.geobox.transform, np.float64(cols / 2), np.float64(rows / 2))
        place = (float(centre[0]), float(centre[1]))
        width, height = pixel_size_m(self.geobox.crs.proj, tuple(self.geobox.transform), place)
        return float(np.sqrt(width * height))

    def with_bands(self, names: tuple[str, ...]) -> Image:
        """The same image reduced to ``names``, in that order; raises InputError E202 for one it lacks."""
        lacking = [name for name in names if name not in self.bands]
        if lacking:
            raise InputError(
                "E202",
                f"{self.path}: no band {', '.join(lacking)} (has {', '.join(self.bands)})",
                "name the bands, for example --bands blue=1,green=2,red=3,nir=4",
            )
        return replace(self, bands=names, indexes=tuple(self.indexes[self.bands.index(name)] for name in names))


def unreadable(path: Path, problem: object) -> InputError:
    """The numbered error for a raster that cannot be read."""
    return InputError("E201", f"{path}: {problem}", "check the path, or copy the file again from where it came")


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A rasterio dataset, one handle per use; missing georeference is no warning, failure is InputError E201."""
    try:
        with _OPENING, warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = rasterio.open(path)
    except (RasterioError, OSError) as problem:
        raise unreadable(path, problem) from problem
    try:
        yield dataset
    except RasterioError as problem:
        raise unreadable(path, problem) from problem
    finally:
        dataset.close()


def open_image(
    path: Path,
    *,
    bands: Mapping[str, int] | None = None,
    usual_bands: Mapping[str, int] | None = None,
    scale: float | None = None,
    offset: float | None = None,
) -> Image:
    """Read a raster's header and check that it is whole.

    ``bands`` (name to 1-based index) overrides the file's own band names; where a file has none, ``usual_bands``
    count, else its colour interpretation, else the usual order for its number of bands.
    ``scale`` and ``offset`` None: what the file states, else 0.0001 for 16-bit integers, 1/255 for bytes, 1 for floats,
    and no offset.

    Raises InputError E201 (missing, unreadable, truncated) or E202 (band missing or unknown).
    """
    with opened(path) as dataset:
        _check_whole(path, dataset)
        named = dict(bands) if bands is not None else _described_bands(dataset)
        if not named:
            named = dict(usual_bands) if usual_bands is not None else _usual_bands(dataset)
        _check_bands(path, named, dataset.count)
        transform = Affine(*dataset.transform[:6])
        crs = dataset.crs.to_wkt() if dataset.crs is not None else None
        return Image(
            path=path,
            geobox=GeoBox((dataset.height, dataset.width), transform, crs),
            bands=tuple(named),
            indexes=tuple(named.values()),
            dtype=dataset.dtypes[0],
            nodata=dataset.nodata,
            scale=scale if scale is not None else _stated(dataset.scales, named, 1.0, _usual_scale(dataset.dtypes[0])),
            offset=offset if offset is not None else _stated(dataset.offsets, named, 0.0, 0.0),
            dates=_dates(path, dataset.tags()),
        )


def _check_whole(path: Path, dataset: Any) -> None:
    if dataset.driver not in ("GTiff", "COG"):
        last = Window(0, dataset.height - 1, dataset.width, 1)
        dataset.read(1, window=last)
        return
    size = path.stat().st_size
    for band, (height, width) in enumerate(dataset.block_shapes, start=1):
        for row in range(-(-dataset.height // height)):
            for col in range(-(-dataset.width // width)):
                start = dataset.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", bidx=band)
                length = dataset.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", bidx=band)
                if start is not None and int(start) + int(length or 0) > size:
                    raise unreadable(path, f"file ends at byte {size}, but data are announced up to later ones")


def _described_bands(dataset: Any) -> dict[str, int]:
    known = set(BANDS) | set(RESERVED_BANDS)
    described = [str(text or "").strip().lower() for text in dataset.descriptions]
    described = [_ALIASES.get(name, name) for name in described]
    return {name: index for index, name in enumerate(described, start=1) if name in known}


def _usual_bands(dataset: Any) -> dict[str, int]:
    colours = [colour.name for colour in dataset.colorinterp]
    if {"red", "green", "blue"} <= set(colours):
        named = {name: colours.index(name) + 1 for name in ("red", "green", "blue")}
        rest = [index for index in range(1, dataset.count + 1) if index not in named.values()]
        if rest and colours[rest[0] - 1] != "alpha":
            named["nir"] = rest[0]
        return dict(sorted(named.items(), key=lambda item: item[1]))
    usual = _BY_COUNT.get(dataset.count, ())
    return {name: index for index, name in enumerate(usual, start=1)}


def _check_bands(path: Path, named: Mapping[str, int], count: int) -> None:
    hint = "name the bands, for example --bands blue=1,green=2,red=3,nir=4"
    if not named:
        raise InputError("E202", f"{path}: {count} bands without names", hint)
    for name, index in named.items():
        if name not in BANDS + RESERVED_BANDS:
            raise InputError("E202", f"{path}: unknown band name {name!r}", f"use {' '.join(BANDS)}")
        if not 1 <= index <= count:
            raise InputError("E202", f"{path}: band {name}={index}, but the file has {count} bands", hint)


def _stated(values: Sequence[float], named: Mapping[str, int], plain: float, usual: float) -> float:
    """The scale or offset that the file itself states, when it states one for all of the named bands; else the usual."""
    stated = {float(values[index - 1]) for index in named.values()}
    return stated.pop() if len(stated) == 1 and stated != {plain} else usual


def _usual_scale(dtype: str) -> float:
    if dtype == "uint8":
        return 1.0 / 255.0
    return 1.0 if dtype.startswith("float") else 0.0001


def _dates(path: Path, tags: Mapping[str, str]) -> DateInterval | None:
    if "ACQUISITION_DATE" in tags:
        day = _day(path, tags["ACQUISITION_DATE"])
        return DateInterval(day, day)
    if "ACQUISITION_START" in tags and "ACQUISITION_END" in tags:
        return DateInterval(_day(path, tags["ACQUISITION_START"]), _day(path, tags["ACQUISITION_END"]))
    return None


def _day(path: Path, text: str) -> date:
    for form in ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y:%m:%d"):
        try:
            return datetime.strptime(text.strip()[:10], form).date()
        except ValueError:
            continue
    raise InputError("E103", f"{path}: acquisition date {text!r}", "write the tag as YYYY-MM-DD")


def shape_of(geobox: GeoBox) -> tuple[int, int]:
    """Rows and columns of a grid as a plain tuple."""
    return int(geobox.shape[0]), int(geobox.shape[1])


def mapped(transform: Affine, cols: Any, rows: Any) -> tuple[Any, Any]:
    """Coordinates x, y of fractional columns and rows (corner of the first pixel: 0, 0), scalars or arrays."""
    return (
        transform.a * cols + transform.b * rows + transform.c,
        transform.d * cols + transform.e * rows + transform.f,
    )


def window_transform(geobox: GeoBox, window: Block) -> Affine:
    """The transform of a window of a grid."""
    x, y = mapped(geobox.transform, window.col_start, window.row_start)
    whole = geobox.transform
    return Affine(whole.a, whole.b, x, whole.d, whole.e, y)


def source_positions(
    source: GeoBox, target: GeoBox, block: Block, shift: Shift = UNMOVED, *, step: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fractional row and column indices in ``source`` of the pixel centres of ``block`` of ``target``.

    The source's content is moved by ``shift`` (target pixels, its slopes from the target's middle) first; ``step`` > 1
    takes only the pixels whose row and column in ``target`` are multiples of it. Index 0.0 is the first pixel's centre;
    indices are rounded to a millionth of a pixel so that equal grids meet exactly. Between two CRSs the transformation
    is exact at every :data:`NODE_PX`-th target pixel, whatever the block, and linear between (error below a thousandth
    of a pixel).
    """
    at_rows = np.arange(block.row_start + -block.row_start % step, block.row_stop, step) + 0.5 - shift.dy_px
    at_cols = np.arange(block.col_start + -block.col_start % step, block.col_stop, step) + 0.5 - shift.dx_px
    if shift.turned:
        return _turned_positions(source, target, at_rows, at_cols, shift)
    if source.crs is None or target.crs is None or source.crs == target.crs:
        cols, rows = np.meshgrid(at_cols, at_rows)
        return _source_indices(source, *mapped(target.transform, cols, rows))
    if not (len(at_rows) and len(at_cols)):
        return np.empty((len(at_rows), len(at_cols))), np.empty((len(at_rows), len(at_cols)))
    node_rows, node_cols = _nodes(at_rows), _nodes(at_cols)
    cols, rows = np.meshgrid(node_cols, node_rows)
    change = _transformer(target.crs, source.crs)
    x, y = change.transform(*mapped(target.transform, cols, rows))
    exact = _source_indices(source, np.asarray(x), np.asarray(y))
    found = [_between(index, (node_rows, node_cols), (at_rows, at_cols)) for index in exact]
    return np.round(found[0], 6), np.round(found[1], 6)


def _turned_positions(
    source: GeoBox, target: GeoBox, at_rows: NDArray[Any], at_cols: NDArray[Any], shift: Shift
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As :func:`source_positions` for a motion that differs from place to place, exact at every pixel."""
    cols, rows = np.meshgrid(at_cols, at_rows)
    down, right = rows - target.shape[0] / 2.0, cols - target.shape[1] / 2.0
    rows = rows - shift.dy_row * down - shift.dy_col * right
    cols = cols - shift.dx_row * down - shift.dx_col * right
    x, y = mapped(target.transform, cols, rows)
    if source.crs is not None and target.crs is not None and source.crs != target.crs:
        x, y = _transformer(target.crs, source.crs).transform(x, y)
    return _source_indices(source, np.asarray(x), np.asarray(y))


@lru_cache(maxsize=64)
def _transformer(from_crs: Any, to_crs: Any) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(from_crs.proj, to_crs.proj, always_xy=True)


def _nodes(places: NDArray[Any]) -> NDArray[np.float64]:
    first, last = int(np.floor(places[0] / NODE_PX)), int(np.floor(places[-1] / NODE_PX)) + 1
    return np.arange(first, last + 1, dtype=np.float64) * NODE_PX


def _between(
    values: NDArray[np.float64],
    nodes: tuple[NDArray[Any], NDArray[Any]],
    places: tuple[NDArray[Any], NDArray[Any]],
) -> NDArray[np.float64]:
    """Bilinear interpolation of node values (rows, cols) at the given rows and columns."""
    row, col = ((at - node[0]) / NODE_PX for node, at in zip(nodes, places, strict=True))
    low_row, low_col = np.floor(row).astype(np.int64), np.floor(col).astype(np.int64)
    down, right = (row - low_row)[:, None], (col - low_col)[None, :]
    part = values[:, low_col] * (1.0 - right) + values[:, low_col + 1] * right
    return np.asarray(part[low_row] * (1.0 - down) + part[low_row + 1] * down)


def _source_indices(source: GeoBox, x: Any, y: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    with np.errstate(invalid="ignore"):
        at_col, at_row = mapped(~source.transform, x, y)
    return _rounded(np.asarray(at_row)), _rounded(np.asarray(at_col))


def _rounded(index: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(np.where(np.isfinite(index), np.round(index - 0.5, 6), -1e9), dtype=np.float64)


@lru_cache(maxsize=256)
def pixel_ratio(source: GeoBox, target: GeoBox) -> float:
    """Source pixels per target pixel along a side, measured at the target's middle."""
    row, col = target.shape[0] // 2, target.shape[1] // 2
    rows, cols = source_positions(source, target, Block(row, col, row + 2, col + 2))
    area = (rows[1, 0] - rows[0, 0]) * (cols[0, 1] - cols[0, 0]) - (rows[0, 1] - rows[0, 0]) * (cols[1, 0] - cols[0, 0])
    return float(np.sqrt(abs(area)))


def overlap_share(source: GeoBox, target: GeoBox) -> float:
    """Share of the target's pixels whose centres lie in the source, on a raster of at most 200 x 200 samples."""
    step = max(1, max(target.shape) // 200)
    whole = target.transform
    wide = Affine(whole.a * step, whole.b * step, whole.c, whole.d * step, whole.e * step, whole.f)
    coarse = GeoBox((-(-target.shape[0] // step), -(-target.shape[1] // step)), wide, target.crs)
    rows, cols = source_positions(source, coarse, Block(0, 0, *coarse.shape))
    inside = (rows >= -0.5) & (rows < source.shape[0] - 0.5) & (cols >= -0.5) & (cols < source.shape[1] - 0.5)
    return float(inside.mean())


def _bounding(rows: NDArray[np.float64], cols: NDArray[np.float64], shape: Any, margin: int) -> Block | None:
    inside = (rows > -1) & (rows < shape[0]) & (cols > -1) & (cols < shape[1])
    if not inside.any():
        return None
    return Block(
        max(int(rows[inside].min()) - margin, 0),
        max(int(cols[inside].min()) - margin, 0),
        min(int(rows[inside].max()) + margin + 2, shape[0]),
        min(int(cols[inside].max()) + margin + 2, shape[1]),
    )


def as_window(block: Block) -> Window:
    """The rasterio window of a block."""
    return Window(block.col_start, block.row_start, block.shape[1], block.shape[0])


def read_native(image: Image, block: Block) -> FloatArray:
    """Reflectance (band, y, x) of a window of the image's own grid, NaN where there is no data."""
    with opened(image.path) as dataset:
        stored = dataset.read(list(image.indexes), window=as_window(block))
    values = stored.astype(np.float32)
    bad = (stored == 0).all(axis=0) | ~np.isfinite(values).all(axis=0)
    if image.nodata is not None and image.nodata != 0:
        bad |= (stored == image.nodata).any(axis=0)
    values = values * np.float32(image.scale) + np.float32(image.offset)
    return np.where(bad, np.float32(np.nan), values)


def read_aligned(image: Image, target: GeoBox, block: Block, shift: Shift = UNMOVED, *, step: int = 1) -> FloatArray:
    """Reflectance (band, y, x) of an image on ``block`` of ``target`` after moving its content by ``shift``.

    NaN outside the image and where it has no data; ``step`` > 1 gives only the pixels whose row and column in
    ``target`` are multiples of it. Kernel of :func:`pipeline.acquire.resample.interpolate`.
    """
    rows, cols = source_positions(image.geobox, target, block, shift, step=step)
    factor = pixel_ratio(image.geobox, target)
    part = _bounding(rows, cols, image.geobox.shape, MARGIN_PX + int(np.ceil(factor)))
    if part is None:
        return np.full((len(image.bands), *rows.shape), np.nan, dtype=np.float32)
    values = read_native(image, part)
    return interpolate_averaged(values, rows - part.row_start, cols - part.col_start, factor=factor)


def read_clear(image: Image, target: GeoBox, block: Block, shift: Shift = UNMOVED, *, step: int = 1) -> FloatArray:
    """As :func:`read_aligned`, but NaN also where the image's own classification says that the ground is not seen."""
    values = read_aligned(image, target, block, shift, step=step)
    if image.classes is None:
        return values
    codes = codes_of_scl(read_codes(image.classes, target, block, fill=0, shift=shift, step=step))
    return np.where(codes == Validity.CLEAR, values, np.float32(np.nan))


def read_codes(
    path: Path, target: GeoBox, block: Block, *, fill: int, shift: Shift = UNMOVED, step: int = 1
) -> NDArray[np.uint8]:
    """Codes of a single-band raster (a classification or mask) on ``block`` of ``target``, nearest pixel."""
    image = open_image(path, bands={"pan": 1})
    rows, cols = source_positions(image.geobox, target, block, shift, step=step)
    part = _bounding(rows, cols, image.geobox.shape, 1)
    if part is None:
        return np.full(rows.shape, fill, dtype=np.uint8)
    with opened(path) as dataset:
        stored = dataset.read(1, window=as_window(part))
    return nearest(stored.astype(np.uint8), rows - part.row_start, cols - part.col_start, fill=fill)


def read_block(path: Path, block: Block) -> NDArray[Any]:
    """A window of a raster the program wrote, (band, y, x) as stored."""
    with opened(path) as dataset:
        return np.asarray(dataset.read(window=as_window(block)))
