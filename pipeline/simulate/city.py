"""One call that draws the whole synthetic city apart from its scenes, which are rendered one at a time."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.simulate.frame import FRAMES, Frame, Size, generators
from pipeline.simulate.ground import Ground, make_ground
from pipeline.simulate.landscape import Landscape, make_landscape
from pipeline.simulate.layers import Zones, make_layers, make_zones
from pipeline.simulate.ledgers import make_rows, silent_months
from pipeline.simulate.named_ground import NamedGround, make_named_ground
from pipeline.simulate.network import make_network
from pipeline.simulate.patrols import make_outings, make_tracks, plan_truth, visit_table
from pipeline.simulate.permits import make_permits
from pipeline.simulate.places import Clerks
from pipeline.simulate.sightings import make_findings
from pipeline.simulate.sites import Sites, make_sites
from pipeline.simulate.supplied import LAYER, make_supplied
from pipeline.simulate.truth import lookalike_table, sighting_table, site_table, stage_table, verdict_table
from pipeline.simulate.units import Organisation, make_organisation
from pipeline.simulate.workbooks import Workbook, make_workbooks


@dataclass(frozen=True)
class SyntheticCity:
    """Everything true about a city: ground, sites, layers, organisation; ``owners``: unit_id by cell_id.

    ``supply_events``: what people recorded of its supplied land.
    """

    frame: Frame
    landscape: Landscape
    zones: Zones
    sites: Sites
    layers: dict[str, gpd.GeoDataFrame]
    organisation: Organisation
    owners: pd.Series
    ground: Ground
    named: NamedGround
    rngs: dict[str, np.random.Generator]
    supply_events: pd.DataFrame


def make_city(*, size: Size, seed: int) -> SyntheticCity:
    """Draw the city of ``size``; the same seed gives the same city on the same library versions."""
    frame, rngs = FRAMES[size], generators(seed)
    landscape = make_landscape(frame=frame, rngs=rngs)
    organisation, owners = make_organisation(frame=frame, rngs=rngs)
    zones = make_zones(frame=frame, landscape=landscape, units=organisation.units, rngs=rngs)
    sites = make_sites(frame=frame, landscape=landscape, ground=zones.ground, rngs=rngs)
    layers = make_layers(frame=frame, landscape=landscape, zones=zones, sites=sites, rngs=rngs)
    ground = make_ground(frame=frame, landscape=landscape, rngs=rngs)
    named = make_named_ground(frame=frame, landscape=landscape, rngs=rngs)
    layers |= named.layers()
    layers |= make_permits(frame=frame, landscape=landscape, zones=zones, sites=sites)
    layers[LAYER], supply_events = make_supplied(layers["ZZ_NYDZYFW"], sites)
    return SyntheticCity(
        frame, landscape, zones, sites, layers, organisation, owners, ground, named, rngs, supply_events
    )


@dataclass(frozen=True)
class GroundSide:
    """What people did: ``workbooks`` and ``tracks`` as files, the rest truth tables by name."""

    workbooks: list[Workbook]
    tracks: dict[str, tuple[str, str, bytes]]
    truth: dict[str, pd.DataFrame]


def make_ground_side(city: SyntheticCity) -> GroundSide:
    """Patrols, tracks and ledgers of a city, and the truth tables ``truth/NAME.parquet`` without the scenes'."""
    rngs, organisation, sites = city.rngs, city.organisation, city.sites
    network = make_network(city.landscape)
    outings = make_outings(frame=city.frame, organisation=organisation, owners=city.owners, sites=sites,
                           network=network, rngs=rngs)  # fmt: skip
    silent = silent_months(organisation)
    findings = make_findings(outings=outings, sites=sites, silent=silent, rngs=rngs)
    clerks = Clerks(city.landscape, city.named, organisation, rngs["places"])
    rows = make_rows(outings=outings, findings=findings, sites=sites, landscape=city.landscape,
                     organisation=organisation, clerks=clerks, silent=silent, rngs=rngs)  # fmt: skip
    workbooks, written = make_workbooks(rows, organisation)
    tracks = make_tracks(outings, organisation, rngs)
    files = {visit: f"tracks/{unit}/{file}" for visit, (unit, file, _) in tracks.items()}
    visits, plan = visit_table(outings, files), plan_truth(organisation.plan, outings)
    table = site_table(sites, organisation, city.owners)
    sightings = sighting_table(findings.sightings, written)
    verdicts = verdict_table(sites=table, sightings=sightings, visits=visits, plan=organisation.plan, plan_done=plan)
    small = findings.small.assign(began_on=pd.to_datetime(findings.small["began_on"]).astype("datetime64[ms]"))
    return GroundSide(workbooks, tracks, {
        "sites": table, "stages": stage_table(sites), "lookalikes": lookalike_table(sites), "visits": visits,
        "sightings": sightings, "plan": plan, "ledger_rows": written, "small_finds": small, "verdicts": verdicts,
    })  # fmt: skip
