"""Contact sheets to be looked at: of each set the best found, the worst missed and the surest false objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from skimage.measure import label as components
from skimage.measure import regionprops
from skimage.segmentation import find_boundaries

from benchmarks.accuracy.ours import burnt
from benchmarks.accuracy.peers import Detection
from benchmarks.accuracy.ruler import LEAST_PX, SHARE
from benchmarks.accuracy.sets import Pair, PairSet, Scene

KINDS = ("found", "missed", "false")
PER_KIND, PANEL_PX, LEAST_SIDE_PX, GAP_PX, CAPTION_PX, COLOURS = 6, 110, 40, 6, 12, 64
LABEL_COLOUR, OUR_COLOUR = (0, 255, 255), (255, 40, 40)
ByteArray = NDArray[np.uint8]


@dataclass(frozen=True)
class Seen:
    """One object of a sheet: how good or bad (largest first), three panels side by side, and its caption."""

    rank: float
    panels: ByteArray
    caption: str


@dataclass
class Sheets:
    """Collects objects pair by pair; :meth:`finish` writes the sheet of a set.

    Sets whose terms are open go to ``published``, the others to ``kept``; where that is None they are not drawn.
    """

    published: Path | None
    kept: Path | None
    seen: dict[str, list[Seen]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def folder(self, group: PairSet) -> Path | None:
        """Where the sheet of a set goes, if anywhere."""
        return self.published if group.open_terms else self.kept

    def add(self, group: PairSet, pair: Pair, scene: Scene, found: Detection, out: Path) -> None:
        """Take the objects of a pair; ``out``: the folder that `compare` wrote."""
        if self.folder(group) is None or found.refusal:
            return
        looks = [_visible(image, scene) for image in (scene.before, scene.after)]
        for kind, rank, box, words in _labelled(scene, found) + _false(scene, out):
            self._keep(kind, Seen(rank, _panels(looks, box, scene.truth, found.mask), f"{pair.place} {words}"))

    def finish(self, group: PairSet) -> Path | None:
        """Write the sheet of the set and begin anew; None when there is nothing to show."""
        folder, seen = self.folder(group), self.seen
        self.seen = {kind: [] for kind in KINDS}
        if folder is None or not any(seen.values()):
            return None
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{group.name}.png"
        _sheet(seen).quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
        return path

    def _keep(self, kind: str, one: Seen) -> None:
        ranked = sorted([*self.seen[kind], one], key=lambda other: -other.rank)
        self.seen[kind] = ranked[:PER_KIND]


def _labelled(scene: Scene, found: Detection) -> list[tuple[str, float, tuple[int, ...], str]]:
    """Labelled objects: found ones ranked by overlap over union, missed ones by their size."""
    mask = found.mask & scene.known
    drawn = components(mask, connectivity=2)
    result = []
    for part in regionprops(components(scene.truth, connectivity=2)):
        if part.area < LEAST_PX:
            continue
        inside = mask[part.slice] & part.image
        words = f"{part.area * scene.gsd_m**2:,.0f} m2"
        if inside.sum() >= SHARE * part.area:
            touching = np.unique(drawn[part.slice][inside])
            union = np.isin(drawn, touching).sum() + part.area - inside.sum()
            result.append(("found", float(inside.sum() / union), part.bbox, words))
        else:
            result.append(("missed", float(part.area), part.bbox, words))
    return result


def _false(scene: Scene, out: Path) -> list[tuple[str, float, tuple[int, ...], str]]:
    """Candidates that are not right, ranked by probability and then size."""
    frame = gpd.read_file(out / "candidates.gpkg", layer="candidates")
    ids = burnt(frame, scene)
    result = []
    for part in regionprops(ids):
        judged = int((scene.known[part.slice] & part.image).sum())
        if judged >= LEAST_PX and (scene.truth[part.slice] & part.image).sum() < SHARE * judged:
            row = frame.iloc[part.label - 1]
            words = f"p {row['probability']:.2f} {part.area * scene.gsd_m**2:,.0f} m2"
            result.append(("false", float(row["probability"]) + 1e-9 * float(part.area), part.bbox, words))
    return result


def _visible(image: NDArray[np.floating], scene: Scene) -> ByteArray:
    """Red, green and blue (or the first three bands), each date stretched by itself so that both can be looked at."""
    natural = [scene.bands.index(name) for name in ("red", "green", "blue") if name in scene.bands]
    shown = natural if len(natural) == 3 else list(range(min(3, len(scene.bands))))
    result = []
    for band in shown:
        low, high = np.quantile(image[band][scene.known], [0.01, 0.99])
        result.append(np.clip((image[band] - low) / max(high - low, 1e-6), 0.0, 1.0) * 255.0)
    return np.stack([result[at % len(result)] for at in range(3)], axis=-1).astype(np.uint8)


def _panels(looks: list[ByteArray], box: tuple[int, ...], truth: NDArray[Any], mask: NDArray[Any]) -> ByteArray:
    """Before, after, and after with the outlines of label and ours, around a box (row, col, row, col)."""
    side = max(round(1.7 * max(box[2] - box[0], box[3] - box[1])), LEAST_SIDE_PX)
    rows, cols = truth.shape
    side = min(side, rows, cols)
    top = int(np.clip((box[0] + box[2] - side) // 2, 0, rows - side))
    left = int(np.clip((box[1] + box[3] - side) // 2, 0, cols - side))
    window = (slice(top, top + side), slice(left, left + side))
    panels = [_sized(look[window], Image.Resampling.BICUBIC) for look in (*looks, looks[1])]
    for area, colour in ((truth, LABEL_COLOUR), (mask, OUR_COLOUR)):
        plane = _sized((area[window] * 255).astype(np.uint8), Image.Resampling.NEAREST) > 127
        panels[2][find_boundaries(plane, mode="inner")] = colour
    return np.concatenate(panels, axis=1)


def _sized(plane: ByteArray, resampling: Image.Resampling) -> ByteArray:
    return np.array(Image.fromarray(plane).resize((PANEL_PX, PANEL_PX), resampling))


def _sheet(seen: dict[str, list[Seen]]) -> Image.Image:
    """A column for each kind, objects from best to worst below each other."""
    kinds = [kind for kind in KINDS if seen[kind]]
    width, height = 3 * PANEL_PX + GAP_PX, PANEL_PX + CAPTION_PX
    most = max(len(seen[kind]) for kind in kinds)
    sheet = Image.new("RGB", (width * len(kinds), height * most), (255, 255, 255))
    pen = ImageDraw.Draw(sheet)
    for column, kind in enumerate(kinds):
        for row, one in enumerate(seen[kind]):
            corner = (column * width, row * height)
            pen.text(corner, f"{kind}: {one.caption}", fill=(0, 0, 0))
            sheet.paste(Image.fromarray(one.panels), (corner[0], corner[1] + CAPTION_PX))
    return sheet
