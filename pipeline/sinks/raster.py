"""Rasters leave through here: written block by block, finished as cloud-optimised GeoTIFF, moved in place whole."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from pipeline.errors import StageError
from pipeline.grid import Block

COG_OPTIONS = {"driver": "COG", "COMPRESS": "DEFLATE", "BLOCKSIZE": "512", "NUM_THREADS": "1", "BIGTIFF": "IF_SAFER"}


class RasterWriter:
    """A raster on ``geobox`` written block by block into a scratch file beside ``path``.

    Used as a context manager; leaving it without an exception turns the scratch file into a COG (the same bytes for
    the same pixels whatever the order of writing) that replaces ``path``. With ``cog=False`` the plain tiled file is
    kept, for the program's own use. ``categories``: overviews take the nearest pixel instead of the mean.
    """

    def __init__(
        self,
        path: Path,
        geobox: GeoBox,
        *,
        bands: Sequence[str],
        dtype: str,
        nodata: float | None,
        categories: bool = False,
        tags: Mapping[str, str] | None = None,
        cog: bool = True,
    ) -> None:
        self.path = path
        self.scratch = path.with_name(path.stem + ".part.tif")
        self.categories = categories
        self.cog = cog
        profile: dict[str, Any] = {
            "driver": "GTiff",
            "count": len(bands),
            "height": geobox.shape[0],
            "width": geobox.shape[1],
            "dtype": dtype,
            "nodata": nodata,
            "tiled": True,
            "blockxsize": 512,
            "blockysize": 512,
            "interleave": "band",
            "BIGTIFF": "IF_SAFER",
        }
        if geobox.crs is not None:
            profile["crs"] = geobox.crs.to_wkt()
        if geobox.crs is not None or not geobox.transform.is_identity:
            profile["transform"] = geobox.transform
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            self._dataset = rasterio.open(self.scratch, "w", **profile)
        for index, name in enumerate(bands, start=1):
            self._dataset.set_band_description(index, name)
        if tags:
            self._dataset.update_tags(**tags)

    def write(self, block: Block, values: NDArray[np.generic]) -> None:
        """Write a block: (y, x) for one band, else (band, y, x)."""
        stacked = values if values.ndim == 3 else values[None]
        window = Window(block.col_start, block.row_start, block.shape[1], block.shape[0])
        self._dataset.write(stacked, window=window)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._dataset.close()
        if kind is not None:
            self.scratch.unlink(missing_ok=True)
            return
        if not self.cog:
            self.scratch.replace(self.path)
            return
        finished = self.path.with_name(self.path.name + ".tmp")
        resampling = "NEAREST" if self.categories else "AVERAGE"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                rasterio.shutil.copy(self.scratch, finished, OVERVIEW_RESAMPLING=resampling, **COG_OPTIONS)
        except RasterioError as failed:
            finished.unlink(missing_ok=True)
            raise StageError("E603", f"{self.path.name}: {failed}", "check the free space and run again") from failed
        finally:
            self.scratch.unlink(missing_ok=True)
        finished.replace(self.path)
