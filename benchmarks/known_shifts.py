"""Error of the registration on real pairs moved by known amounts: one line per kind of motion.

usage: python -m benchmarks.known_shifts [DATA_FOLDER]   (default: XUNCHA_DATA, else ../shared/data)

The after image of every pair is resampled with a known motion beside its own (cubic, as another scene would lie), and
registered once as it is and once moved: the difference of the two answers, over the middle and the four quarter points
of the image, must be what was put in. Slovenian scenes are made of the series' five reference scenes. Motions: shifts
from a fraction of a pixel to eight pixels, turns of 0.1 to 0.3 degrees, half of the image moved apart (relief), 40 px
(beyond what is looked for) and another place altogether; the last two and a half moved by four pixels or more are
rightly refused.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.acquire.coregister import NO_MEASURE, moved_by
from pipeline.config import Acquire
from pipeline.execute import Execution
from pipeline.grid import Block
from pipeline.sources.raster import Image, open_image, read_native, shape_of
from pipeline.stages.registration import register_tiles
from pipeline.values import Shift

REPOSITORY = Path(__file__).resolve().parent.parent
NAIP = [f"naip_no_construction/m_4709963_se_14_1_{day}.tif" for day in (20090818, 20120731, 20160816, 20190904)]
SLOVENIA_BANDS = {"blue": 1, "green": 2, "red": 3, "nir": 7}
SHIFTS = ((0.25, -0.4), (-0.6, 0.7), (1.3, -1.3), (-2.4, 1.7), (5.5, -3.2), (-6.3, -5.1))
DEGREES = (0.1, 0.2, 0.3)
RELIEF_PX = (1.0, 2.0, 6.0)


@dataclass(frozen=True)
class Motion:
    """Kind of motion, its turn and shift, what the lower half moves beside, and whether it is rightly refused."""

    kind: str
    dy_px: float = 0.0
    dx_px: float = 0.0
    degrees: float = 0.0
    half_px: float = 0.0
    refuse: bool = False

    def at(self, row: NDArray[np.float64], col: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rows and columns by which the content at a place (from the middle) is moved."""
        turn = math.radians(self.degrees)
        down = self.dy_px + row * (math.cos(turn) - 1.0) + col * math.sin(turn)
        right = self.dx_px - row * math.sin(turn) + col * (math.cos(turn) - 1.0)
        return down, right + np.where(row > 0, self.half_px, 0.0)


def motions() -> list[Motion]:
    """Every motion that is tried."""
    found = [Motion("below a pixel" if max(abs(dy), abs(dx)) < 1 else "pixels", dy, dx) for dy, dx in SHIFTS]
    found += [Motion("turned", 0.4, -0.3, degrees) for degrees in DEGREES]
    found += [Motion("half moved", 0.0, 0.0, 0.0, half) for half in RELIEF_PX]
    return [*found, Motion("40 px", 40.0, 0.0, refuse=True)]


def moved(image: Image, motion: Motion, out: Path) -> Image:
    """The image with its content moved, as a float raster on the same grid."""
    whole = read_native(image, Block(0, 0, *shape_of(image.geobox)))
    rows, cols = np.mgrid[: whole.shape[1], : whole.shape[2]].astype(np.float64)
    down, right = motion.at(rows - whole.shape[1] / 2, cols - whole.shape[2] / 2)
    filled = np.nan_to_num(whole, nan=0.0)
    known = np.isfinite(whole).all(axis=0).astype(np.float32)
    places = np.stack([rows - down, cols - right])
    bands = np.stack([ndimage.map_coordinates(band, places, order=3, mode="nearest") for band in filled])
    seen = ndimage.map_coordinates(known, places, order=1, mode="constant") > 0.99
    profile = {"driver": "GTiff", "count": len(bands), "height": bands.shape[1], "width": bands.shape[2],
               "dtype": "float32", "nodata": math.nan}  # fmt: skip
    if image.geobox.crs is not None:
        profile |= {"crs": image.geobox.crs.to_wkt(), "transform": Affine(*tuple(image.geobox.transform)[:6])}
    with rasterio.open(out, "w", **profile) as dataset:
        dataset.write(np.where(seen, bands, np.nan).astype(np.float32))
    return replace(
        image, path=out, indexes=tuple(range(1, len(bands) + 1)), dtype="float32", nodata=None, scale=1.0, offset=0.0
    )


def slovenia(data: Path, folder: Path) -> list[Path]:
    """The five scenes of the Slovenian series as rasters of 10 m."""
    scenes = np.load(data / "s2_slovenia_series" / "REFERENCE_SCENES.npy")
    paths = []
    for number, scene in enumerate(scenes):
        path = folder / f"slovenia_{number}.tif"
        stored = np.moveaxis(scene, 2, 0).astype(np.float32)
        profile = {"driver": "GTiff", "count": len(stored), "dtype": "float32", "height": stored.shape[1],
                   "width": stored.shape[2], "crs": "EPSG:32633",
                   "transform": Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_100_000.0)}  # fmt: skip
        with rasterio.open(path, "w", **profile) as dataset:
            dataset.write(stored)
        paths.append(path)
    return paths


def pairs(data: Path, folder: Path) -> list[tuple[str, Image, Image]]:
    """Name, before and after of every pair, on the bands they share."""
    found = []
    for city in ("abudhabi", "bordeaux", "nantes", "pisa"):
        here = data / "s2_urban_change" / city
        found.append((f"s2 {city}", open_image(here / "before.tif"), open_image(here / "after.tif")))
    for name in ("test_12", "test_24", "test_3"):
        here = data / "vhr_buildings"
        found.append((f"vhr {name}", open_image(here / f"{name}_t1.tif"), open_image(here / f"{name}_t2.tif")))
    found += [("naip 0", open_image(data / NAIP[0]), open_image(data / NAIP[1]))]
    found += [("naip 1", open_image(data / NAIP[1]), open_image(data / NAIP[2]))]
    looks = [open_image(path, bands=SLOVENIA_BANDS) for path in slovenia(data, folder)]
    return found + [(f"slovenia {i}", looks[0], looks[i]) for i in range(1, len(looks))]


def answer(before: Image, after: Image) -> Shift:
    """What the product says of a pair."""
    settings = Acquire()
    (found,) = register_tiles(
        before, (after,), before.geobox, max_shift_px=settings.max_shift_px, max_scatter_px=settings.max_scatter_px,
        gate_px=settings.gate_px, affine=True, execution=Execution("synchronous", 1),
    )  # fmt: skip
    return found.shift


def error_px(plain: Shift, after: Shift, motion: Motion, shape: tuple[int, int], *, upper_only: bool) -> float:
    """How far the answer's change is from the motion put in, median over five places (three with a half moved)."""
    high, wide = shape[0] / 4.0, shape[1] / 4.0
    places = np.array([[-high, -wide], [-high, wide], [-high, 0.0], [high, -wide], [high, wide], [0.0, 0.0]])
    places = places[:3] if upper_only else places
    put_in = np.stack(motion.at(places[:, 0], places[:, 1]), axis=1)
    change = moved_by(after, places) - moved_by(plain, places)
    return float(np.max(np.hypot(*(change + put_in).T)))


def main() -> None:
    data = Path(
        sys.argv[1] if len(sys.argv) > 1 else os.environ.get("XUNCHA_DATA") or REPOSITORY.parent / "shared/data"
    )
    lines: dict[str, list[tuple[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, before, after in pairs(data, Path(folder)):
            plain = answer(before, after)
            shape = shape_of(after.geobox)
            for motion in motions():
                if motion.degrees and min(shape) < 200:
                    continue
                path = Path(folder) / "moved.tif"
                found = answer(before, moved(after, motion, path))
                wrong = error_px(plain, found, motion, shape, upper_only=bool(motion.half_px))
                verdict = "delivered" if found.reason == NO_MEASURE else "accepted" if found.accepted else "refused"
                key = f"{motion.kind} {motion.half_px:g} px" if motion.half_px else motion.kind
                lines.setdefault(key, []).append((verdict, wrong))
                print(f"{name:<14}{key:<18}{motion.dy_px:6.2f}{motion.dx_px:6.2f}{motion.degrees:5.1f}  {verdict:<10}"
                      f"error {wrong:6.3f}  residual {found.residual_px:5.2f} {found.reason}", flush=True)  # fmt: skip
    print(f"\n{'motion':<20}{'pairs':>6}{'accepted':>9}{'refused':>8}{'delivered':>10}{'median':>8}{'95 %':>8}")
    for key, rows in lines.items():
        errors = [wrong for verdict, wrong in rows if verdict == "accepted"]
        said = [sum(verdict == one for verdict, _ in rows) for one in ("accepted", "refused", "delivered")]
        middle, high = (np.quantile(errors, q) if errors else math.nan for q in (0.5, 0.95))
        print(f"{key:<20}{len(rows):>6}{said[0]:>9}{said[1]:>8}{said[2]:>10}{middle:>8.3f}{high:>8.3f}")


if __name__ == "__main__":
    main()
