"""What every stage is given and what it gives back.

A stage module has ``inputs(context)``, the files outside ``runs/`` that decide its result, and
``run(context, out)``, which writes into the empty folder ``out`` and returns a :class:`StageOutcome`.
The runner makes ``out`` the stage's folder only when ``run`` has returned.
A module may also have ``facts(context)``: named digests of the part of an input that decides its result, where
hashing the whole file would make it stale without need. And it may have ``differences(old, new)``: what its new
result changes against the one it replaces, for the journal and the technician.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import geopandas as gpd
import pyogrio
from odc.geo.geobox import GeoBox

from pipeline.area_interval import with_area_interval
from pipeline.area_rules import area_errors_on
from pipeline.config import Config
from pipeline.execute import Execution
from pipeline.grid import city_geobox
from pipeline.rulebook import RULES_FOLDER
from pipeline.schema import Table
from pipeline.sources.layers import Layers, read_layers
from pipeline.store import digest_file, read_table
from pipeline.values import Period

CELLS_FILE = Path("units") / "cells.gpkg"
LAYER_RULES: tuple[str, ...] = ("layer_aliases.yaml", "land_codes_2007.yaml")
"""The rule files by which layers are read."""


def rule_digests(*names: str) -> dict[str, str]:
    """Digests of rule files by name, of all where none is named: part of the program, but they decide results."""
    paths = [RULES_FOLDER / name for name in names] if names else sorted(RULES_FOLDER.glob("*.yaml"))
    return {path.name: digest_file(path) for path in paths}


@dataclass(frozen=True)
class StageContext:
    """A month's run: ``city`` is the city folder, ``run`` this period's run folder.

    ``previous`` is the latest earlier period's run folder that holds a register, ``issued`` the run folder of
    this period's dispatched revision when this run is a further revision of it; both None when there is none.
    """

    config: Config
    city: Path
    period: Period
    as_of: date
    run: Path
    previous: Path | None
    issued: Path | None
    execution: Execution

    @property
    def run_name(self) -> str:
        """``2026-10``, or ``2026-10.r2`` for a revision."""
        return self.run.name

    def folder(self, stage: str) -> Path:
        """The finished folder of an earlier stage of this run."""
        return self.run / stage

    def table(self, stage: str, table: Table, file: str | None = None) -> Any:
        """A table written by an earlier stage of this run, ``<table name>.parquet`` unless ``file`` is given."""
        return read_table(self.folder(stage) / (file or f"{table.name}.parquet"), table)

    def with_areas(self, targets: Any) -> Any:
        """Targets with the intervals of their areas by the errors of this period; a register of an older program has none."""
        return with_area_interval(targets, area_errors_on(self.period.last_day))

    def geobox(self) -> GeoBox:
        """The city's working grid."""
        bounds = self.config.city.bounds
        if bounds is None:
            cells = gpd.read_file(self.city / CELLS_FILE).to_crs(self.config.city.crs)
            bounds = tuple(cells.total_bounds)
        return city_geobox(bounds, self.config.city.crs, self.config.city.pixel_m)

    def layers(self) -> Layers:
        """The city's land layers, their coordinates checked against the city's extent; InputError E301 to E308."""
        return read_layers(self.city / "layers", self.config.city.crs, city_extent(self.city, self.config))


def city_extent(city: Path, config: Config) -> tuple[float, float, float, float] | None:
    """The city in its CRS, as configured or as its grid cells span it; None where neither can be read."""
    if config.city.bounds is not None:
        return config.city.bounds
    try:
        cells = gpd.read_file(city / CELLS_FILE)
    except (pyogrio.errors.DataSourceError, OSError):
        return None
    if cells.crs is None or cells.empty:
        return None
    west, south, east, north = cells.to_crs(config.city.crs).total_bounds
    return float(west), float(south), float(east), float(north)


@dataclass(frozen=True)
class StageOutcome:
    """What a stage has to say: counts for the summary, notes for people, parts that failed with their reason.

    ``publish``: files of the stage's folder (keys) to be copied to a path relative to the run folder (values).
    """

    counts: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    publish: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """One thing that a stage's new result changes: ``facts`` for the journal (JSON), ``words`` for the technician."""

    facts: dict[str, Any]
    words: str


class StageModule(Protocol):
    """The two functions of a stage module."""

    def inputs(self, context: StageContext) -> tuple[Path, ...]:
        """Files outside ``runs/`` whose content decides the result."""

    def run(self, context: StageContext, out: Path) -> StageOutcome:
        """Write the stage's outputs into ``out``."""
