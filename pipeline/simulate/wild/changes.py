"""True change: building in stages, hardened ground, roads, filling, extraction, dumping, demolition, re-cultivation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from pipeline.simulate.frame import Frame
from pipeline.simulate.landscape import Landscape
from pipeline.simulate.wild.frame import Span
from pipeline.simulate.wild.materials import variant
from pipeline.simulate.wild.phases import FOREVER, Cover, Phase
from pipeline.simulate.wild.placing import Placer, blot, corner, halves, rectangle, ring, rows_of, strip

ORDER = 100
BUSY_MONTHS = (0.6, 0.25, 1.3, 1.4, 1.2, 0.8, 0.7, 0.8, 1.3, 1.4, 1.2, 0.9)
_STEEL = ("blue_steel", "white_steel", "red_steel", "blue_steel")
_HOUSE = ("cement_roof", "red_tile", "grey_tile", "cement_roof", "blue_steel")


@dataclass(frozen=True)
class Change:
    """A true change: ``what`` in the words of the truth table, its form, final ``shape`` and its stages.

    ``stages``: (stage, day number, all ground taken by then) in order; ``paused_days`` in total; ``stopped`` for good.
    """

    what: str
    form: str
    shape: BaseGeometry
    stages: tuple[tuple[str, float, BaseGeometry], ...]
    paused_days: float
    stopped: bool

    @property
    def onset(self) -> float:
        return self.stages[0][1]


@dataclass(frozen=True)
class _Job:
    """How long the stages of a form take (days, low and high), its roofs and height."""

    enclosed: float
    pit: float
    days: dict[str, tuple[float, float]]
    roofs: tuple[str, ...]
    height_m: tuple[float, float]
    hardened: float


_JOBS: dict[str, _Job] = {
    "shed": _Job(0.15, 0.0, {"earthworks": (6, 40), "foundation": (6, 25), "structure": (8, 35), "roofed": (10, 60)},
                 _STEEL, (5.0, 9.0), 0.55),
    "house": _Job(0.02, 0.1, {"earthworks": (4, 20), "foundation": (10, 30), "structure": (30, 100), "roofed": (20, 90)},
                  _HOUSE, (5.0, 11.0), 0.4),
    "house_row": _Job(0.2, 0.15, {"earthworks": (10, 45), "foundation": (15, 50), "structure": (50, 150),
                                  "roofed": (30, 120)}, _HOUSE, (6.0, 12.0), 0.6),
    "corner": _Job(0.2, 0.2, {"earthworks": (10, 45), "foundation": (15, 45), "structure": (35, 130), "roofed": (20, 90)},
                   ("cement_roof", "blue_steel", "white_steel", "cement_roof"), (6.0, 16.0), 0.6),
    "works": _Job(0.5, 0.1, {"earthworks": (25, 90), "foundation": (25, 60), "structure": (40, 130), "roofed": (30, 90)},
                  _STEEL, (8.0, 14.0), 0.85),
    "flats": _Job(0.9, 0.95, {"earthworks": (20, 60), "foundation": (40, 90), "structure": (150, 330),
                              "roofed": (60, 120)}, ("cement_roof", "bitumen"), (18.0, 54.0), 0.8),
}  # fmt: skip


def size_of(rng: np.random.Generator) -> float:
    """Area in m2: log-normal, half of all under 1,200 m2, between 200 m2 and 5 ha."""
    return float(np.clip(np.exp(rng.normal(np.log(1200.0), 1.1)), 200.0, 50000.0))


def onset_of(span: Span, rng: np.random.Generator) -> float:
    """A day number in the history; little is begun about the Spring Festival, much in spring and autumn."""
    while True:
        number = float(rng.integers(span.first_number, span.last_number - 4))
        month = date.fromordinal(int(number) + date(2025, 10, 1).toordinal()).month
        if rng.random() < BUSY_MONTHS[month - 1] / 1.4:
            return number


def make_changes(
    *, frame: Frame, landscape: Landscape, buildings: gpd.GeoDataFrame, span: Span, monthly_share: float, placer: Placer,
    rng: np.random.Generator,
) -> tuple[list[Change], list[Phase]]:  # fmt: skip
    """Change until ``monthly_share`` of the land is taken a month on average; returns the changes and their covers."""
    months = (span.last_number - span.first_number) / 30.44
    budget = monthly_share * frame.side_m**2 * months
    cover, changes, taken = Cover(rng), [], 0.0
    makers: tuple[tuple[Callable[..., Change | None], float], ...] = (
        (_construction, 0.66), (_hardening, 0.1), (_filling, 0.06), (_road, 0.03), (_extraction, 0.04), (_dumping, 0.05),
        (_demolition, 0.06),
    )  # fmt: skip
    weights = np.array([weight for _, weight in makers])
    for _ in range(4000):
        if taken >= budget:
            break
        size = size_of(rng)
        make = makers[int(rng.choice(len(makers), p=weights / weights.sum()))][0]
        if taken > 0 and size > 0.35 * budget:
            continue
        change = make(size, onset_of(span, rng), cover, placer, buildings, rng)
        if change is not None:
            changes.append(change)
            taken += change.shape.area
    changes = [_so_far(change, span) for change in changes]
    changes.sort(key=lambda change: (change.onset, change.shape.bounds))
    return changes, cover.phases


def _so_far(change: Change, span: Span) -> Change:
    """The change without the stages it reaches only long after the last image, on the ground it takes until then."""
    reached = tuple(stage for stage in change.stages if stage[1] <= span.last_number + 30.0)
    return replace(change, stages=reached, shape=reached[-1][2])


def _form(size: float, rng: np.random.Generator) -> tuple[str, Polygon]:
    if size < 550.0:
        form = str(rng.choice(["house", "shed"], p=[0.6, 0.4]))
    elif size < 3000.0:
        form = str(rng.choice(["shed", "house_row", "corner"], p=[0.5, 0.28, 0.22]))
    elif size < 9000.0:
        form = str(rng.choice(["works", "house_row", "corner", "shed"], p=[0.45, 0.2, 0.2, 0.15]))
    else:
        form = str(rng.choice(["works", "flats"], p=[0.7, 0.3]))
    if form == "corner":
        return form, corner(size, rng)
    ratio = {
        "shed": (1.4, 4.5),
        "house": (1.0, 1.9),
        "house_row": (1.8, 5.0),
        "works": (1.0, 2.2),
        "flats": (1.0, 1.9),
    }[form]
    return form, rectangle(size, float(rng.uniform(*ratio)))


def _footprints(form: str, shape: BaseGeometry, rng: np.random.Generator) -> list[BaseGeometry]:
    if form in ("house", "corner"):
        return [shape.buffer(-float(rng.uniform(0.5, 2.0)), join_style="mitre")]
    if form == "shed":
        return [shape.buffer(-float(rng.uniform(0.5, 4.0)), join_style="mitre")]
    if form == "house_row":
        return rows_of(shape, depth_m=11.0, gap_m=9.0, length_m=float(rng.uniform(10.0, 30.0)), between_m=4.0)
    if form == "works":
        depth = float(rng.uniform(22.0, 40.0))
        return rows_of(shape, depth_m=depth, gap_m=14.0, length_m=float(rng.uniform(40.0, 90.0)), between_m=12.0)
    return rows_of(shape, depth_m=14.0, gap_m=32.0, length_m=float(rng.uniform(34.0, 60.0)), between_m=14.0)


def _construction(
    size: float, onset: float, cover: Cover, placer: Placer, buildings: gpd.GeoDataFrame, rng: np.random.Generator
) -> Change | None:  # fmt: skip
    """A building site through its stages, with pauses, growth, netting and weeds."""
    form, outline = _form(size, rng)
    shape: BaseGeometry | None
    if form == "works" and rng.random() < 0.35:
        shape = placer.parcel(size)
    else:
        shape = placer.outline(outline, on_built=bool(rng.random() < 0.08))
    if shape is None:
        return None
    job = _JOBS[form]
    feet = [foot for foot in _footprints(form, shape, rng) if not foot.is_empty]
    if not feet:
        return None
    plan = _plan(job, onset, size, rng)
    stages, paused, stopped = plan
    for index, (stage, start) in enumerate(stages):
        end = stages[index + 1][1] if index + 1 < len(stages) else FOREVER
        _lay_stage(stage, start, end, shape, feet, job, cover, rng)
    grown = _taken(stages, shape, rng, cover)
    return Change("construction", form, shape, grown, paused, stopped)


def _plan(
    job: _Job, onset: float, size: float, rng: np.random.Generator
) -> tuple[list[tuple[str, float]], float, bool]:
    """Stages with their days; total days of pauses; whether the work stopped for good."""
    names = [*(["enclosure"] if rng.random() < job.enclosed and size > 500 else []), "earthworks",
             *(["pit"] if rng.random() < job.pit else []), "foundation", "structure", "roofed",
             *(["hardened"] if rng.random() < job.hardened else [])]  # fmt: skip
    slow = float(np.clip((size / 3000.0) ** 0.22, 0.7, 1.9)) * float(np.exp(rng.normal(0.0, 0.25)))
    stages, when, paused, stopped = [], onset, 0.0, False
    pause_after = str(rng.choice(names[:-1])) if rng.random() < 0.28 else ""
    stop_after = str(rng.choice(names[:-1])) if rng.random() < 0.13 else ""
    for name in names:
        stages.append((name, float(round(when))))
        if name == stop_after:
            stopped = True
            break
        low, high = {"enclosure": (5.0, 60.0), "pit": (20.0, 70.0)}.get(name) or job.days.get(name, (20.0, 60.0))
        when += max(3.0, float(rng.uniform(low, high)) * slow)
        if name == pause_after:
            pause = float(rng.uniform(45.0, 250.0))
            paused, when = paused + pause, when + pause
    return stages, paused, stopped


def _taken(
    stages: list[tuple[str, float]], shape: BaseGeometry, rng: np.random.Generator, cover: Cover
) -> tuple[tuple[str, float, BaseGeometry], ...]:  # fmt: skip
    """Stage rows; the earthworks of larger sites advance over the ground in two or three steps."""
    result: list[tuple[str, float, BaseGeometry]] = []
    turn = float(rng.uniform(0.0, 6.28))
    for index, (stage, start) in enumerate(stages):
        if stage != "earthworks" or shape.area < 2500.0 or index + 1 >= len(stages):
            result.append((stage, start, shape))
            continue
        end = stages[index + 1][1]
        steps = [float(rng.uniform(0.3, 0.5)), float(rng.uniform(0.6, 0.8)), 1.0]
        days = [start, start + 0.2 * min(end - start, 90.0), start + 0.45 * min(end - start, 90.0)]
        parts = halves(shape, steps, turn)
        # the ground not yet taken stays as it was: the full cover laid for the stage begins part by part
        whole = next(p for p in reversed(cover.phases) if p.start == start and p.shape is shape and p.opacity > 0.9)
        cover.phases.remove(whole)
        before: BaseGeometry = Polygon()
        for part, day in zip(parts, days, strict=True):
            cover.lay(part.difference(before), day, whole.end, whole.before, into=whole.after,
                      ages_days=whole.ages_days, weeds=whole.weeds, order=whole.order, rough=whole.rough)  # fmt: skip
            result.append((stage, float(round(day)), part))
            before = part
    return tuple(result)


def _lay_stage(
    stage: str, start: float, end: float, shape: BaseGeometry, feet: list[BaseGeometry], job: _Job, cover: Cover,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """The covers of one stage; earthworks stay under all later ones."""
    if stage == "enclosure":
        cover.lay(ring(shape, 2.2), start, FOREVER if rng.random() < 0.4 else end + 120.0, "fence", order=ORDER + 9,
                  height_m=2.4, rough=0.12)  # fmt: skip
        cover.lay(shape, start, end, "track", order=ORDER - 1, opacity=float(rng.uniform(0.1, 0.45)), weeds=0.5)
    elif stage == "earthworks":
        soil = str(rng.choice(["subsoil", "soil_loam", "soil_yellow", "gravel"], p=[0.45, 0.3, 0.15, 0.1]))
        cover.lay(shape, start, FOREVER, soil, into="yard", ages_days=160.0, weeds=0.45, order=ORDER, rough=0.16)
        if rng.random() < 0.32 and shape.area > 600.0:
            since = start + float(rng.uniform(6.0, 40.0))
            part = halves(shape, [float(rng.uniform(0.4, 1.0))], float(rng.uniform(0.0, 6.28)))[0]
            cover.lay(part, since, max(end, since + 30.0), "green_net", order=ORDER + 1, opacity=0.88, rough=0.14)
    elif stage == "pit":
        cover.lay(shape.buffer(-4.0), start, end, "subsoil", into="mud" if rng.random() < 0.4 else "soil_yellow",
                  ages_days=40.0, order=ORDER + 2, rough=0.3, height_m=-5.0)  # fmt: skip
    elif stage == "foundation":
        for foot in feet:
            cover.lay(
                foot, start, end, "concrete_new", order=ORDER + 3, opacity=float(rng.uniform(0.45, 0.75)), rough=0.2
            )
    elif stage == "structure":
        for foot in feet:
            since = start + float(rng.uniform(0.0, 0.25)) * min(end - start, 60.0)
            net = rng.random() < 0.25 and job.height_m[1] > 12.0
            cover.lay(foot, since, end, "green_net" if net else "frame", order=ORDER + 4, rough=0.22,
                      height_m=0.6 * float(rng.uniform(*job.height_m)))  # fmt: skip
    elif stage == "roofed":
        roof = str(rng.choice(job.roofs))
        for foot in feet:
            cover.lay(foot, start + float(rng.uniform(0.0, 8.0)), FOREVER, variant(roof, rng, spread=0.08),
                      order=ORDER + 5, rough=0.07, height_m=float(rng.uniform(*job.height_m)),
                      shiny=0.6 if "steel" in roof else 0.0)  # fmt: skip
    else:
        free = shape.difference(shapely.union_all(feet))
        cover.lay(free, start, FOREVER, "concrete_new", into="concrete", ages_days=300.0, order=ORDER + 2, rough=0.06)


def _hardening(
    size: float, onset: float, cover: Cover, placer: Placer, buildings: gpd.GeoDataFrame, rng: np.random.Generator
) -> Change | None:  # fmt: skip
    """A yard, a car park, a drying ground: levelled, then concrete or gravel."""
    shape = placer.outline(rectangle(size, float(rng.uniform(1.0, 2.5))))
    if shape is None:
        return None
    hard = onset + float(rng.uniform(6.0, 60.0))
    cover.lay(shape, onset, hard, "soil_loam", order=ORDER, rough=0.15, weeds=0.3)
    top = str(rng.choice(["concrete_new", "gravel", "asphalt_new"], p=[0.6, 0.25, 0.15]))
    aged = {"concrete_new": "concrete", "gravel": "gravel", "asphalt_new": "asphalt"}[top]
    cover.lay(shape, hard, FOREVER, top, into=aged, ages_days=350.0, order=ORDER, rough=0.07)
    return Change(
        "construction", "yard", shape, (("earthworks", onset, shape), ("hardened", float(round(hard)), shape)), 0, False
    )


def _filling(
    size: float, onset: float, cover: Cover, placer: Placer, buildings: gpd.GeoDataFrame, rng: np.random.Generator
) -> Change | None:  # fmt: skip
    """A parcel filled and levelled, then left: weeds come back over the seasons."""
    shape = placer.parcel(max(size, 900.0))
    if shape is None:
        return None
    parts = halves(shape, [float(rng.uniform(0.3, 0.6)), 1.0], float(rng.uniform(0, 6.28)))
    later = onset + float(rng.uniform(5.0, 40.0))
    cover.lay(parts[0], onset, FOREVER, "subsoil", into="soil_loam", ages_days=300.0, weeds=0.6, order=ORDER, rough=0.2)
    cover.lay(parts[1].difference(parts[0]), later, FOREVER, "subsoil", into="soil_loam", ages_days=300.0, weeds=0.6,
              order=ORDER, rough=0.2)  # fmt: skip
    stages = (("earthworks", onset, parts[0]), ("earthworks", float(round(later)), shape))
    return Change("construction", "platform", shape, stages, 0.0, True)


def _road(
    size: float, onset: float, cover: Cover, placer: Placer, buildings: gpd.GeoDataFrame, rng: np.random.Generator
) -> Change | None:  # fmt: skip
    """A new road, 5 to 9 m wide."""
    width = float(rng.uniform(5.0, 9.0))
    length = float(np.clip(size / width, 120.0, 700.0))
    bend = float(rng.uniform(-0.12, 0.12)) * length
    line = LineString([(-length / 2, 0.0), (0.0, bend), (length / 2, 0.0)])
    shape = placer.outline(strip(line, width), gap_m=8.0)
    if shape is None:
        return None
    paved = onset + float(rng.uniform(20.0, 120.0))
    cover.lay(shape, onset, paved, "gravel", order=ORDER, rough=0.12)
    top = str(rng.choice(["concrete_new", "asphalt_new"]))
    cover.lay(shape, paved, FOREVER, top, into=top.removesuffix("_new"), ages_days=400.0, order=ORDER, rough=0.05)
    return Change(
        "construction",
        "road",
        shape,
        (("earthworks", onset, shape), ("hardened", float(round(paved)), shape)),
        0,
        False,
    )


def _extraction(
    size: float, onset: float, cover: Cover, placer: Placer, buildings: gpd.GeoDataFrame, rng: np.random.Generator
) -> Change | None:  # fmt: skip
    """Soil or sand dug out in growing bites; groundwater fills the older part."""
    shape = placer.outline(blot(max(size, 800.0), rng))
    if shape is None:
        return None
    steps, turn = [float(rng.uniform(0.2, 0.4)), float(rng.uniform(0.5, 0.75)), 1.0], float(rng.uniform(0, 6.28))
    parts, stages, before = halves(shape, steps, turn), [], Polygon()
    day = onset
    for part in parts:
        bite = part.difference(before)
        wet = day + float(rng.uniform(60.0, 240.0)) if rng.random() < 0.6 else FOREVER
        cover.lay(bite, day, wet, "subsoil", into="soil_yellow", ages_days=90.0, order=ORDER, rough=0.28, height_m=-4.0)
        cover.lay(bite, wet, FOREVER, "water_turbid", into="water_clear", ages_days=250.0, order=ORDER, rough=0.02)
        stages.append(("extraction", float(round(day)), part))
        before, day = part, day + float(rng.uniform(25.0, 150.0))
    return Change("extraction", "pit", shape, tuple(stages), 0.0, False)


def _dumping(
    size: float, onset: float, cover: Cover, placer: Placer, buildings: gpd.GeoDataFrame, rng: np.random.Generator
) -> Change | None:  # fmt: skip
    """Rubble, waste soil or refuse tipped in growing heaps; weeds take them after a year."""
    shape = placer.outline(blot(max(0.7 * size, 250.0), rng))
    if shape is None:
        return None
    parts = halves(shape, [float(rng.uniform(0.2, 0.5)), 1.0], float(rng.uniform(0, 6.28)))
    what = str(rng.choice(["rubble", "refuse", "subsoil"], p=[0.45, 0.25, 0.3]))
    later = onset + float(rng.uniform(20.0, 150.0))
    cover.lay(
        parts[0], onset, FOREVER, what, into="yard", ages_days=500.0, weeds=0.5, order=ORDER, rough=0.3, height_m=2.5
    )
    cover.lay(parts[1].difference(parts[0]), later, FOREVER, what, into="yard", ages_days=500.0, weeds=0.5, order=ORDER,
              rough=0.3, height_m=2.5)  # fmt: skip
    return Change(
        "dumping", "heap", shape, (("dumping", onset, parts[0]), ("dumping", float(round(later)), shape)), 0, False
    )


def _demolition(
    size: float, onset: float, cover: Cover, placer: Placer, buildings: gpd.GeoDataFrame, rng: np.random.Generator
) -> Change | None:  # fmt: skip
    """Standing houses pulled down; half of the ground is tilled again, the rest left to weeds."""
    if not len(buildings):
        return None
    first = buildings.geometry.iloc[int(rng.integers(len(buildings)))]
    reach = float(np.clip(np.sqrt(size) * 0.55, 6.0, 60.0))
    near = buildings.geometry[buildings.geometry.within(first.centroid.buffer(reach))].to_list() or [first]
    shape = shapely.union_all([one.buffer(3.0, join_style="mitre") for one in near]).buffer(2.0).buffer(-2.0)
    if not placer.free(shape, 15.0):
        return None
    placer.taken.append(shape)
    cleared = onset + float(rng.uniform(12.0, 90.0))
    cover.lay(shape, onset, cleared, "rubble", order=ORDER, rough=0.3, height_m=0.4)
    if rng.random() < 0.5:
        cover.lay(shape, cleared, FOREVER, "soil_loam", order=ORDER, weeds=0.8, rough=0.16)
        stages = (("demolished", onset, shape), ("recultivated", float(round(cleared)), shape))
        return Change("recultivation", "cleared", shape, stages, 0.0, False)
    cover.lay(shape, cleared, FOREVER, "yard", order=ORDER, weeds=0.35, rough=0.15)
    return Change("demolition", "cleared", shape, (("demolished", onset, shape),), 0.0, False)
