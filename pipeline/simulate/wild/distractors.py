"""Ground that changes without construction: films, nets, water, fire, harvests, renewals; each with dates and place."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from pipeline.simulate.frame import Frame, day_number
from pipeline.simulate.landscape import Landscape
from pipeline.simulate.wild.frame import Span
from pipeline.simulate.wild.phases import FOREVER, Cover, Phase
from pipeline.simulate.wild.placing import Placer, blot, halves, rectangle, rows_of, strip
from pipeline.simulate.wild.plots import NEVER, Plots
from pipeline.simulate.wild.waters import Waters
from pipeline.simulate.wild.weather import Weather

Event = tuple[str, float, float, BaseGeometry]
LEAST_PLOT_M2 = 300.0


def plot_events(plots: Plots, span: Span) -> list[Event]:
    """What farming does, from the seasons: mulch, paddies, harvest, ploughing, burning, changed crops."""
    seasons = plots.seasons
    shapes, area = plots.shapes.geometry.to_numpy(), plots.shapes.geometry.area.to_numpy()
    rows: list[Event] = []
    crop_of: dict[tuple[int, bool], str] = {}
    for row in seasons.itertuples():
        if area[row.plot] < LEAST_PLOT_M2:
            continue
        shape = shapes[row.plot]
        if row.film:
            rows.append(("plastic_mulch", row.sown, row.sown + 0.8 * (row.harvested - row.sown), shape))
        if row.flooded:
            rows.append(("flooded_paddy", row.sown - 7.0, row.sown + 30.0, shape))
        rows.append(("harvest", row.harvested, row.harvested + 20.0, shape))
        if row.ploughed < NEVER:
            rows.append(("ploughing", row.ploughed, row.ploughed + 25.0, shape))
        if row.burnt < NEVER:
            rows.append(("straw_burning", row.burnt, row.burnt + 40.0, shape))
        if row.crop != "vegetables":
            half = (row.plot, row.harvested % 365.25 > 270.0)
            if crop_of.get(half, row.crop) != row.crop:
                rows.append(("crop_rotation", row.sown, row.harvested, shape))
            crop_of[half] = row.crop
    return [row for row in rows if row[2] >= span.first_number and row[1] <= span.last_number]


def water_events(waters: Waters, weather: Weather, frame: Frame, span: Span) -> list[Event]:
    """Bars that move with every flood season, low and high river, the reservoir's yearly fall, days with snow."""
    rows: list[Event] = []
    city = box(*frame.bounds)
    river, reservoir = waters.river.intersection(city), waters.reservoir.intersection(city)
    for year in range(span.first.year, span.last.year + 1):
        flood = float(day_number(date(year, 7, 15)))
        rows.append(("sand_bar", flood, flood + 365.0, river))
        rows.append(
            ("reservoir_drawdown", float(day_number(date(year, 3, 1))), float(day_number(date(year, 8, 10))), reservoir)
        )
    stage = weather.stage_m
    days = weather.first + np.arange(len(stage))
    for name, mask in (
        ("river_low", stage < np.quantile(stage, 0.25)),
        ("river_high", stage > np.quantile(stage, 0.85)),
    ):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
        rows += [(name, float(days[a]), float(days[b - 1]), river)
                 for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= 10]  # fmt: skip
    for fall in weather.snow:
        rows.append(("snow", float(fall.day), fall.day + fall.lasts_days, city))
        rows.append(("melting_patches", fall.day + 0.4 * fall.lasts_days, fall.day + 1.6 * fall.lasts_days, city))
    return [row for row in rows if row[2] >= span.first_number and row[1] <= span.last_number and not row[3].is_empty]


def make_distractors(
    *, frame: Frame, landscape: Landscape, buildings: gpd.GeoDataFrame, trees: gpd.GeoDataFrame, span: Span, placer: Placer,
    rng: np.random.Generator,
) -> tuple[list[Event], list[Phase]]:  # fmt: skip
    """Everything that is laid over the ground, with the covers that show it."""
    km2 = (frame.side_m / 1000.0) ** 2
    maker = _Maker(Cover(rng), placer, landscape, buildings, trees, span, rng)
    for name, per_km2 in (
        ("greenhouses", 0.7), ("old_greenhouses", 0.8), ("dust_net", 1.0), ("material_yard", 1.2), ("threshing", 2.4),
        ("pond_solar", 0.12), ("pond_drained", 0.6), ("pond_weed", 1.0), ("orchard_cut", 0.5), ("road_renewal", 0.5),
        ("roof_renewal", 2.6), ("tree_felling", 0.8), ("canal_dredging", 0.4), ("crop_storage", 0.8),
    ):  # fmt: skip
        for _ in range(max(1, round(km2 * per_km2))):
            getattr(maker, name)()
    return maker.events, maker.cover.phases


class _Maker:
    """Draws single distractors; every method lays the covers of one and notes its event."""

    def __init__(
        self, cover: Cover, placer: Placer, landscape: Landscape, buildings: gpd.GeoDataFrame, trees: gpd.GeoDataFrame,
        span: Span, rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.cover, self.placer, self.landscape, self.buildings, self.trees = cover, placer, landscape, buildings, trees
        self.span, self.rng, self.events = span, rng, list[Event]()

    def _day(self, first: tuple[int, int] = (1, 1), last: tuple[int, int] = (12, 31)) -> float:
        """A day of the history within a season of the year; in a short history without the season, a day outside it."""
        day = 0.0
        for _ in range(40):
            year = int(self.rng.integers(self.span.first.year - 1, self.span.last.year + 1))
            low, high = day_number(date(year, *first)), day_number(date(year, *last))
            day = float(self.rng.integers(low, high + 1))
            if self.span.first_number <= day <= self.span.last_number:
                break
        return day

    def _note(self, kind: str, start: float, end: float, shape: BaseGeometry) -> None:
        if end >= self.span.first_number and start <= self.span.last_number:
            self.events.append((kind, start, end, shape))

    def _of_land(self, *lands: str) -> BaseGeometry | None:
        rows = self.landscape.parcels[self.landscape.parcels["land"].isin(lands)]
        inside = rows.geometry[rows.within(self.placer.inside)]
        return inside.iloc[int(self.rng.integers(len(inside)))] if len(inside) else None

    def greenhouses(self) -> None:
        """A field put under plastic houses; the film is off in high summer in some of them."""
        self._greenhouses(self._day(), "greenhouse")

    def old_greenhouses(self) -> None:
        """Houses that stood before the history: only their film comes and goes."""
        self._greenhouses(self.span.first_number - 400.0, "greenhouse_film")

    def _greenhouses(self, start: float, kind: str) -> None:
        rng = self.rng
        shape = self.placer.parcel(float(rng.uniform(2500.0, 16000.0)))
        if shape is None:
            return
        width = float(rng.choice([8.0, 10.0, 13.0]))
        houses = rows_of(shape, depth_m=width, gap_m=float(rng.uniform(1.5, 8.0)), length_m=float(rng.uniform(50.0, 90.0)),
                         between_m=4.0)  # fmt: skip
        self.cover.lay(shape, start - 12.0, FOREVER, "soil_loam", order=10, weeds=0.3, rough=0.12)
        bare_summer = rng.random() < 0.55
        for house in houses:
            at = start + float(rng.uniform(0.0, 30.0))
            for year in range(self.span.first.year - 1, self.span.last.year + 2):
                off = float(day_number(date(year, 6, 10))) + float(rng.uniform(-12.0, 12.0))
                on = off + float(rng.uniform(60.0, 110.0))
                begin, end = max(at, on), off + 365.0
                if not bare_summer:
                    begin, end = max(at, off), off + 365.0
                self.cover.lay(house, begin, end, "greenhouse_film", order=12, opacity=float(rng.uniform(0.75, 0.97)),
                               rough=0.1, height_m=3.0, shiny=0.8)  # fmt: skip
                if bare_summer:
                    self._note("greenhouse_film", off, on, house)
        self._note(kind, start, FOREVER, shape)

    def dust_net(self) -> None:
        """Bare ground or heaps in built-up land under dust-proof netting for months."""
        place = self._of_land("works", "town", "village")
        if place is None:
            return
        size = float(np.exp(self.rng.normal(np.log(900.0), 0.8)))
        shape = self._within(place, size)
        start, bare = self._day(), float(self.rng.uniform(60.0, 400.0))
        self.cover.lay(shape, start - bare, FOREVER, "yard", order=8, weeds=0.4, rough=0.16)
        end = start + float(self.rng.uniform(50.0, 330.0))
        net = "green_net" if self.rng.random() < 0.8 else "black_net"
        self.cover.lay(shape, start, end, net, order=9, opacity=0.9, rough=0.14)
        self._note("dust_net", start, end, shape)

    def _within(self, place: BaseGeometry, size: float) -> BaseGeometry:
        xmin, ymin, xmax, ymax = place.bounds
        outline = affinity.rotate(rectangle(size, float(self.rng.uniform(1.0, 2.5))), float(self.rng.uniform(0, 180)))
        for _ in range(60):
            x, y = float(self.rng.uniform(xmin, xmax)), float(self.rng.uniform(ymin, ymax))
            if place.contains(shapely.Point(x, y)):
                return affinity.translate(outline, x, y).intersection(place.buffer(5.0))
        return affinity.translate(outline, place.centroid.x, place.centroid.y)

    def material_yard(self) -> None:
        """Sand, bricks or pipes laid down for weeks to months on a yard, a verge or a corner of a field."""
        shape: BaseGeometry | None
        if self.rng.random() < 0.5:
            place = self._of_land("works", "yard", "village")
            shape = None if place is None else self._within(place, float(self.rng.uniform(150.0, 1800.0)))
        else:
            shape = self.placer.outline(blot(float(self.rng.uniform(150.0, 1800.0)), self.rng), gap_m=10.0)
        if shape is None:
            return
        start, end = self._day(), 0.0
        end = start + float(self.rng.uniform(20.0, 190.0))
        self.cover.lay(shape, start, end, str(self.rng.choice(["sand", "gravel", "rubble", "red_tile", "white_steel"])),
                       order=14, opacity=float(self.rng.uniform(0.6, 0.95)), rough=0.25, height_m=1.5)  # fmt: skip
        self.cover.lay(shape, end, end + 200.0, "yard", order=13, weeds=0.6, rough=0.14)
        self._note("material_yard", start, end, shape)

    def threshing(self) -> None:
        """Grain spread to dry on roads and yards after the harvests, some days to two weeks."""
        line = self.landscape.roads.geometry.iloc[int(self.rng.integers(len(self.landscape.roads)))]
        at = float(self.rng.uniform(0.0, max(line.length - 60.0, 1.0)))
        piece = shapely.ops.substring(line, at, at + float(self.rng.uniform(60.0, 260.0)))
        shape = strip(piece, float(self.rng.uniform(4.0, 9.0)))
        yard = self._of_land("yard", "village")
        if yard is not None and self.rng.random() < 0.5:
            shape = self._within(yard, float(self.rng.uniform(250.0, 1500.0)))
        start = self._day((6, 1), (6, 18)) if self.rng.random() < 0.45 else self._day((9, 22), (10, 25))
        end = start + float(self.rng.uniform(4.0, 18.0))
        self.cover.lay(shape, start, end, "grain", order=15, opacity=0.85)
        self._note("threshing_ground", start, end, shape)

    def pond_solar(self) -> None:
        """Solar panels over a pond or a corner of the reservoir."""
        place = self._of_land("pond")
        if place is None or place.area < 900.0:
            return
        shape = place.buffer(-6.0)
        if shape.area > 40000.0:
            shape = halves(shape, [0.3], float(self.rng.uniform(0.0, 6.28)))[0]
        start = self._day()
        for row in rows_of(shape, depth_m=5.0, gap_m=3.5, length_m=60.0, between_m=4.0):
            self.cover.lay(row, start + float(self.rng.uniform(0.0, 40.0)), FOREVER, "solar", order=20, shiny=0.5)
        self._note("pond_solar", start, FOREVER, shape)

    def pond_drained(self) -> None:
        """A fish pond let dry for the winter: mud, then cracked bright soil, then water again."""
        place = self._of_land("pond")
        if place is None or place.area > 60000.0:
            return
        start = self._day((11, 15), (12, 31))
        end = start + float(self.rng.uniform(25.0, 110.0))
        self.cover.lay(place, start, end, "mud", into="soil_loam", ages_days=40.0, order=6, rough=0.08)
        self._note("pond_drained", start, end, place)

    def pond_weed(self) -> None:
        """Duckweed, lotus and algae on still water in the warm months."""
        place = self._of_land("pond")
        if place is None or place.area > 60000.0:
            return
        start = self._day((6, 15), (7, 31))
        end = start + float(self.rng.uniform(40.0, 110.0))
        self.cover.lay(place, start, end, "water_turbid", into="duckweed", ages_days=25.0, order=5,
                       opacity=float(self.rng.uniform(0.5, 0.95)), rough=0.15)  # fmt: skip
        self._note("pond_weed", start, end, place)

    def orchard_cut(self) -> None:
        """Trees of an orchard or a poplar wood cut, the ground turned, young trees planted and grown over years."""
        place = self._of_land("orchard", "wood")
        if place is None:
            return
        start = self._day()
        shape = place if self.rng.random() < 0.6 else halves(place, [0.5], float(self.rng.uniform(0.0, 6.28)))[0]
        young = start + float(self.rng.uniform(20.0, 160.0))
        self.cover.lay(shape, start, young, "soil_yellow", into="straw", ages_days=60.0, order=4, weeds=0.35, rough=0.2)
        self.cover.lay(shape, young, FOREVER, "soil_loam", order=4, weeds=0.7, rough=0.16)
        self._note("orchard_cut", start, young + 300.0, shape)

    def road_renewal(self) -> None:
        """A road repaved: dark asphalt that fades over a year, or bright concrete."""
        roads = self.landscape.roads
        index = int(self.rng.integers(len(roads)))
        line, width = roads.geometry.iloc[index], float(roads["width_m"].iloc[index])
        at = float(self.rng.uniform(0.0, 0.5)) * line.length
        shape = strip(shapely.ops.substring(line, at, at + float(self.rng.uniform(200.0, 900.0))), width * 0.8)
        start = self._day()
        top, aged = ("asphalt_new", "asphalt") if self.rng.random() < 0.6 else ("concrete_new", "concrete")
        self.cover.lay(shape, start, start + 15.0, "gravel", order=7, rough=0.1)
        self.cover.lay(shape, start + 15.0, FOREVER, top, into=aged, ages_days=420.0, order=7, rough=0.05)
        self._note("road_repaving", start, FOREVER, shape)

    def roof_renewal(self) -> None:
        """The roof of a standing building repainted or covered with steel."""
        if not len(self.buildings):
            return
        house = self.buildings.iloc[int(self.rng.integers(len(self.buildings)))]
        start = self._day()
        roof = str(self.rng.choice(["blue_steel", "red_steel", "white_steel", "red_tile", "bitumen"]))
        self.cover.lay(house.geometry, start, FOREVER, roof, order=16, height_m=float(house.height_m) + 0.6, rough=0.06,
                       shiny=0.6)  # fmt: skip
        self._note("roof_renewal", start, FOREVER, house.geometry)

    def tree_felling(self) -> None:
        """A row of roadside poplars felled."""
        rows = self.trees[self.trees["kind"] == "poplar"]
        if not len(rows):
            return
        shape = rows.geometry.iloc[int(self.rng.integers(len(rows)))]
        start = self._day()
        self.cover.lay(shape, start, FOREVER, "soil_loam", order=4, weeds=0.6, rough=0.14)
        self._note("tree_felling", start, FOREVER, shape)

    def canal_dredging(self) -> None:
        """Mud thrown out along a ditch, bright when dry, green after a season."""
        line = self.landscape.roads.geometry.iloc[int(self.rng.integers(len(self.landscape.roads)))]
        at = float(self.rng.uniform(0.0, 0.6)) * line.length
        piece = shapely.ops.substring(line, at, at + float(self.rng.uniform(100.0, 400.0)))
        shape = strip(piece.offset_curve(float(self.rng.choice([-9.0, 9.0]))), float(self.rng.uniform(4.0, 9.0)))
        start = self._day((11, 1), (12, 31)) - 20.0
        self.cover.lay(
            shape, start, start + 260.0, "mud", into="soil_yellow", ages_days=30.0, weeds=0.8, order=5, rough=0.2
        )
        self._note("canal_dredging", start, start + 120.0, shape)

    def crop_storage(self) -> None:
        """Maize cobs, straw bales or film-covered heaps at field edges for a winter."""
        shape = self.placer.outline(
            rectangle(float(self.rng.uniform(120.0, 900.0)), float(self.rng.uniform(1.5, 5.0))), gap_m=6.0
        )
        if shape is None:
            return
        start = self._day((9, 25), (11, 10))
        end = start + float(self.rng.uniform(40.0, 200.0))
        self.cover.lay(shape, start, end, str(self.rng.choice(["grain", "straw", "white_film", "black_film"])), order=14,
                       opacity=0.9, rough=0.15, height_m=2.0)  # fmt: skip
        self._note("crop_storage", start, end, shape)
