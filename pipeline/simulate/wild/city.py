"""The wild city in one call: ground, history, true changes and what only looks like them; scenes on demand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.simulate.city import SyntheticCity
from pipeline.simulate.frame import CITY_CRS, LAST_IMAGE, Frame, day_of, generators
from pipeline.simulate.ground import PIXEL_M, make_ground, scene_grid
from pipeline.simulate.landscape import make_landscape
from pipeline.simulate.layers import Zones, make_layers, make_zones
from pipeline.simulate.named_ground import make_named_ground
from pipeline.simulate.permits import make_permits
from pipeline.simulate.sites import CASES, PROJECTS, Sites, approval_of, kind_of, subject_of
from pipeline.simulate.supplied import LAYER, make_supplied
from pipeline.simulate.truth import site_table, stage_table
from pipeline.simulate.units import make_organisation
from pipeline.simulate.wild.changes import Change, make_changes
from pipeline.simulate.wild.distractors import Event, make_distractors, plot_events, water_events
from pipeline.simulate.wild.frame import Span, span_of, streams, wild_frame
from pipeline.simulate.wild.ground import make_patches, make_surfaces
from pipeline.simulate.wild.phases import event_table
from pipeline.simulate.wild.placing import Placer
from pipeline.simulate.wild.plots import make_plots
from pipeline.simulate.wild.raster import Raster
from pipeline.simulate.wild.render import Scenery, World, make_scenery, make_world_shapes, surface
from pipeline.simulate.wild.sentinel import MARGIN_M, Scene, observe
from pipeline.simulate.wild.settlement import make_buildings, make_specks, make_trees
from pipeline.simulate.wild.waters import carve_waters
from pipeline.simulate.wild.weather import Pass, make_passes, make_weather
from pipeline.values import Stage

FINE_PER_PX = 3
"""Fine pixels across one 10 m pixel when a scene is rendered."""
_COARSE_STAGE = {"enclosure": Stage.EARTHWORKS, "earthworks": Stage.EARTHWORKS, "pit": Stage.PIT,
                 "foundation": Stage.PIT, "structure": Stage.STRUCTURE, "roofed": Stage.ROOFED,
                 "hardened": Stage.ROOFED}  # fmt: skip
_RECENT_FROM = date(2025, 12, 20)


@dataclass(frozen=True)
class WildCity:
    """A wild city. ``plain``: the city as the patrols and ledgers of the demo see it, with the recent building sites.

    ``sites``, ``stages``: the truth of every change of the history; ``distractors``: kind, from, to, geometry of what
    changes without being one; ``passes``: the acquisitions that :func:`scenes` renders.
    """

    seed: int
    span: Span
    plain: SyntheticCity
    world: World
    sites: gpd.GeoDataFrame
    stages: gpd.GeoDataFrame
    distractors: gpd.GeoDataFrame
    passes: tuple[Pass, ...]
    grid: Raster


def wild_city(*, seed: int, size_px: int = 400, months: int = 36, monthly_share: float = 0.0004) -> WildCity:
    """Draw a wild city of ``size_px`` pixels of 10 m a side and ``months`` of history up to October 2026.

    ``monthly_share``: share of the land that true change takes in an average month. The same arguments give the same
    city on the same library versions.
    """
    frame, span = wild_frame(size_px), span_of(months)
    rngs, plain_rngs = streams(seed), generators(seed)
    landscape = make_landscape(frame=frame, rngs=plain_rngs)
    landscape, waters = carve_waters(
        frame=frame, landscape=landscape, years=span.last.year - span.first.year + 1, rng=rngs["water"]
    )
    plots, fallow = make_plots(landscape=landscape, span=span, rngs=rngs)
    buildings, trees = make_buildings(landscape, rngs["settlement"]), make_trees(landscape, rngs["settlement"])
    placer = Placer(frame, landscape, rngs["sites"])
    changes, built = make_changes(frame=frame, landscape=landscape, buildings=buildings, span=span,
                                  monthly_share=monthly_share, placer=placer, rng=rngs["sites"])  # fmt: skip
    placer.rng = rngs["events"]
    laid, covers = make_distractors(frame=frame, landscape=landscape, buildings=buildings, trees=trees, span=span,
                                    placer=placer, rng=rngs["distractors"])  # fmt: skip
    weather = make_weather(span, rngs["weather"])
    events: list[Event] = [*plot_events(plots, span), *fallow, *laid, *water_events(waters, weather, frame, span)]
    phases = tuple([*covers, *built])
    specks = make_specks(landscape, rngs["settlement"])
    world = World(make_patches(landscape, plots, buildings, trees, specks, rngs["settlement"]), plots,
                  make_surfaces(rngs["texture"]), waters, weather, phases, make_world_shapes(phases),
                  span.first.year)  # fmt: skip
    organisation, owners = make_organisation(frame=frame, rngs=plain_rngs)
    zones = make_zones(frame=frame, landscape=landscape, units=organisation.units, rngs=plain_rngs)
    sites, stages = _truth(changes, zones, rngs["sites"])
    recent = _recent(sites, stages)
    layers = make_layers(frame=frame, landscape=landscape, zones=zones, sites=recent, rngs=plain_rngs)
    named = make_named_ground(frame=frame, landscape=landscape, rngs=plain_rngs)
    layers |= named.layers()
    layers |= make_permits(frame=frame, landscape=landscape, zones=zones, sites=recent)
    layers[LAYER], supply_events = make_supplied(layers["ZZ_NYDZYFW"], recent)
    plain = SyntheticCity(frame, landscape, zones, recent, layers, organisation, owners,
                          make_ground(frame=frame, landscape=landscape, rngs=plain_rngs), named, plain_rngs,
                          supply_events)  # fmt: skip
    return WildCity(seed, span, plain, world, *_tables(sites, stages, plain), event_table(_inside(events, frame), CITY_CRS),
                    make_passes(span, rngs["orbits"]), _grid(frame))  # fmt: skip


def _grid(frame: Frame) -> Raster:
    transform, shape = scene_grid(frame)
    return Raster(transform.c, transform.f, PIXEL_M, shape)


def _inside(events: list[Event], frame: Frame) -> list[Event]:
    """Events that touch the city; in the order of their days."""
    xmin, ymin, xmax, ymax = frame.bounds
    boxes = np.array([event[3].bounds for event in events])
    touch = (boxes[:, 0] < xmax) & (boxes[:, 2] > xmin) & (boxes[:, 1] < ymax) & (boxes[:, 3] > ymin)
    kept = [event for event, here in zip(events, touch, strict=True) if here]
    return sorted(kept, key=lambda event: (event[1], event[0], event[3].bounds))


def _truth(changes: list[Change], zones: Zones, rng: np.random.Generator) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Tables of sites and stages; the columns of the plain city's, and ``change``, ``form``, ``paused_days``."""
    sites, stages = [], []
    for index, change in enumerate(changes):
        site_id, onset = f"W{index + 1:04d}", day_of(change.onset)
        building = change.what in ("construction", "extraction", "dumping")
        case = CASES[index % len(CASES)] if building else "approved_before"
        kind = kind_of(change.shape, case, zones.ground)
        first = {stage: day_of(start) for stage, start, _ in reversed(change.stages)}
        sites.append(
            {"site_id": site_id, "group": _group(onset), "case": case, "kind": kind, "lawful": kind == "lawful",
             "project": str(rng.choice(PROJECTS[kind])), "subject": subject_of(rng), "onset": onset,
             "pit_from": first.get("pit", first.get("foundation")), "structure_from": first.get("structure"),
             "roofed_from": first.get("roofed"), "stopped": change.stopped, "final_area_m2": change.shape.area,
             "approved_on": None, "expires_on": None, "document": None, **approval_of(case, onset, index + 1, rng),
             "change": change.what, "form": change.form, "paused_days": change.paused_days, "geometry": change.shape}
        )  # fmt: skip
        for stage, start, shape in change.stages:
            stages.append(
                {"site_id": site_id, "stage": stage, "from": day_of(start), "area_m2": shape.area, "geometry": shape}
            )
    return (gpd.GeoDataFrame(pd.DataFrame(sites), geometry="geometry", crs=CITY_CRS),
            gpd.GeoDataFrame(pd.DataFrame(stages), geometry="geometry", crs=CITY_CRS))  # fmt: skip


def _group(onset: date) -> str:
    if onset <= LAST_IMAGE["2026-08"]:
        return "old"
    if onset <= LAST_IMAGE["2026-09"]:
        return "september"
    return "october" if onset <= LAST_IMAGE["2026-10"] else "after"


def _recent(sites: gpd.GeoDataFrame, stages: gpd.GeoDataFrame) -> Sites:
    """The building sites of the last months in the plain city's four stages: what its patrols could come upon."""
    chosen = sites[(sites["onset"] >= _RECENT_FROM) & (sites["change"] == "construction")]
    rows = stages[stages["site_id"].isin(chosen["site_id"])].copy()
    rows["stage"] = [_COARSE_STAGE[stage].value for stage in rows["stage"]]
    none = gpd.GeoDataFrame({"lookalike_id": [], "what": [], "from": [], "to": []}, geometry=[], crs=CITY_CRS)
    return Sites(chosen.drop(columns=["change", "form", "paused_days"]).reset_index(drop=True),
                 rows.reset_index(drop=True), none)  # fmt: skip


def _tables(
    sites: gpd.GeoDataFrame, stages: gpd.GeoDataFrame, plain: SyntheticCity
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Sites and stages as the plain city writes them."""
    whole = replace(plain.sites, sites=sites, stages=stages)
    return site_table(whole, plain.organisation, plain.owners), stage_table(whole)


def scene_stream(city: WildCity, day: int) -> np.random.Generator:
    """The random stream of one day's scene, so that scenes can be rendered in any order."""
    return np.random.default_rng(np.random.SeedSequence([city.seed, 0x5343, day + 100_000]))


def scenery_of(city: WildCity) -> Scenery:
    """The fine grid under the scenes."""
    return make_scenery(city.world, city.grid.widened(MARGIN_M).refined(FINE_PER_PX))


def render(city: WildCity, one: Pass, scenery: Scenery) -> Scene:
    """One acquisition."""
    rng = scene_stream(city, one.day)
    fine, _ = surface(city.world, scenery, float(one.day), one.orbit, rng)
    tilts = np.random.default_rng(np.random.SeedSequence([city.seed, 0x4F52])).normal(0.0, 0.22, (2, 2))
    return observe(fine, scenery.raster, city.grid, one, tilt=(float(tilts[one.orbit, 0]), float(tilts[one.orbit, 1])),
                   rng=rng)  # fmt: skip


def scenes(city: WildCity) -> Iterator[Scene]:
    """All acquisitions in order of their days."""
    scenery = scenery_of(city)
    for one in city.passes:
        yield render(city, one, scenery)
