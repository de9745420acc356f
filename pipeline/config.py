"""The typed configuration of a city: one frozen section per room; ``configs/default.yaml`` is generated from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pyproj
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline import FORMAT_VERSION
from pipeline.errors import InputError

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Days = Annotated[int, Field(ge=0)]


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values cannot be changed after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class City(Section):
    """Who and where."""

    name: str = Field("示例市", description="City name as printed on reports")
    county_code: str = Field(
        "000000", pattern=r"^\d{6}$", description="Six-digit code after GB/T 2260, begins every id"
    )
    crs: str = Field("EPSG:4547", description="Projected metre CRS of all work, CGCS2000 3-degree zone of the city")
    bounds: tuple[float, float, float, float] | None = Field(
        None, description="xmin, ymin, xmax, ymax in crs; null: the extent of the grid cells"
    )
    pixel_m: Positive = Field(10.0, description="Pixel size of the working grid, metres")

    @field_validator("crs")
    @classmethod
    def _projected(cls, value: str) -> str:
        try:
            crs = pyproj.CRS.from_user_input(value)
        except pyproj.exceptions.CRSError as problem:
            raise ValueError(f"not a known CRS: {problem}") from problem
        if not crs.is_projected or crs.axis_info[0].unit_name != "metre":
            raise ValueError("needs a projected CRS in metres, for example EPSG:4547")
        return value


class Source(Section):
    """One image source, a folder of dated scenes or a static STAC catalogue below the city folder."""

    name: str = Field("s2", pattern=r"^[a-z0-9_]+$", description="Short name, also the output folder")
    folder: str = Field("scenes/s2", description="Folder below the city folder")
    profile: Literal["s2", "landsat", "vhr"] = Field("s2", description="Processing profile")
    bands: dict[str, int] | None = Field(None, description="Band name to 1-based index; null: from the files")
    scale: Positive = Field(0.0001, description="Stored number times scale plus offset is reflectance")
    offset: float = Field(0.0, description="See scale; -0.1 for Sentinel-2 L2A since processing baseline 04.00")


class Acquire(Section):
    """From scenes to aligned, normalised, masked images."""

    history_months: Annotated[int, Field(ge=1, le=36)] = Field(12, description="Months of earlier scenes looked at")


class Detect(Section):
    """From images to candidate objects."""

    min_area_m2: Positive = Field(400.0, description="Smallest object kept, at least one pixel")


class Screen(Section):
    """Candidates against dated layers."""

    min_area_m2: Positive = Field(200.0, description="Candidates below this geodesic area are suppressed (0.3 mu)")
    min_overlap_m2: Positive = Field(100.0, description="Smaller overlaps with a layer never raise a kind of violation")
    outline_tolerance_px: Annotated[float, Field(ge=0.0)] = Field(
        1.0, description="Approved land is widened by this many pixels of the source before an overrun counts"
    )
    lawful_share: Share = Field(0.95, description="Share of an object under approvals in time that explains it")
    construction_share: Share = Field(0.95, description="Share on construction land that marks redevelopment")
    suppress_construction_land: bool = Field(
        False, description="Suppress redevelopment on construction land; false keeps it, permits being unknown"
    )
    water_share: Share = Field(0.9, description="Share on rivers, lakes and shores that makes early stages water level")
    whole_parcel_share: Share = Field(0.9, description="Share of a farmland parcel changed at once that looks seasonal")
    novelty_below: float = Field(
        1.0, description="Whole-parcel farmland change with a novelty below this is seasonal; unknown novelty is kept"
    )


class Register(Section):
    """Stable identity from period to period."""

    min_overlap_share: Share = Field(0.2, description="Overlap, as a share of the smaller object, that means the same")
    touch_px: Annotated[float, Field(ge=0.0)] = Field(
        1.5, description="An object within this many pixels of one target, overlapping none, is its growth"
    )
    growth_share: Positive = Field(0.2, description="Growth of a target's area, as a share, that counts as growing")
    split_share: Share = Field(0.2, description="Share of a target that each separate object must cover to split it")
    fuse_overlap_share: Share = Field(0.3, description="Overlap, as a share of the smaller, joining sources' objects")
    resolvable_px: Positive = Field(
        9.0, description="A coarser source's clear view counts only for objects of this many of its pixels"
    )
    known_distance_m: Annotated[float, Field(ge=0.0)] = Field(
        20.0, description="Old cases within this many metres are linked to a target"
    )


class Patrol(Section):
    """Task lists for the units."""


class Ledger(Section):
    """Reading what the townships send."""


class Reconcile(Section):
    """Targets against entries and visits."""

    answer_days: Days = Field(30, description="Without --as-of, entries up to this many days after the period count")
    grace_days: Days = Field(5, description="Visits and due dates this close before the cutoff accuse nobody yet, days")
    accept_match: Share = Field(0.8, description="Probability from which an entry counts as being about a target")
    reject_match: Share = Field(0.05, description="Probability below which an entry cannot stand in for a target")
    standing_m: Positive = Field(
        25.0, description="Standard deviation of where reporters stand around a site, metres, added to the entry's own"
    )
    background_per_km2: Positive = Field(
        0.5, description="Findings per square km that are about no target, relative to one mention per target"
    )
    max_lead_days: Days = Field(60, description="An entry this long before the last clear image is about something else")
    min_seen: Share = Field(0.6, description="Probability of seeing the target from which a visit counts as a chance")
    sight_m: Positive = Field(
        150.0, description="Distance scale of seeing a 1000 m2 site from a track, metres; also the coverage buffer"
    )
    ledger_only_seen: Share = Field(
        0.2, description="Probability of seeing for a visit known from the ledger alone; must be below min_seen"
    )
    tall_crop_months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field(
        (7, 8, 9), description="Months in which crops stand high enough to hide earthworks"
    )
    tall_crop_factor: Share = Field(0.6, description="Sight distance in those months, as a share of the usual one")
    fast_kmh: Positive = Field(40.0, description="Mean speed from which a patrol sees less, km/h")
    min_track_day_share: Share = Field(
        0.7, description="Share of a unit's patrol days that must have a track for its records to be complete"
    )
    covered_share: Share = Field(0.6, description="Share of a cell within sight of tracks from which it is covered")
    min_missed_m2: Positive = Field(5000.0, description="Smallest unseen part of a cell that is listed, square metres")
    resolvable_m2: Positive = Field(
        400.0, description="Findings with a smaller stated area are below what the imagery can resolve, square metres"
    )
    min_observable_share: Share = Field(
        0.5, description="Share of a cell with a clear view below which the satellite cannot be said to have missed"
    )
    look_back_days: Days = Field(
        92, description="Findings discovered up to this many days before the period's end are held against the imagery"
    )
    audit_cells: Annotated[int, Field(ge=0)] = Field(30, description="Grid cells drawn each month for a full field audit")
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = Field(0.95, description="Confidence of all intervals")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.reject_match < self.accept_match:
            raise ValueError("reconcile.reject_match must be below reconcile.accept_match")
        if not self.ledger_only_seen < self.min_seen:
            raise ValueError("reconcile.ledger_only_seen must be below reconcile.min_seen: a claim accuses nobody")
        return self


class Supervise(Section):
    """Case states and reminders."""


class Report(Section):
    """Packages and the month's report."""


class Execute(Section):
    """How the machine is used; never changes a result."""

    scheduler: Literal["threads", "processes", "synchronous"] = Field("threads", description="Where blocks run")
    workers: Annotated[int, Field(ge=1, le=256)] = Field(2, description="Blocks computed at the same time")
    tile_px: Annotated[int, Field(ge=256)] = Field(2048, description="Pixels of a tile's side held in memory at a time")


class Config(Section):
    """The whole configuration of a city folder."""

    format_version: Annotated[int, Field(ge=1)] = Field(FORMAT_VERSION, description="Format of this file")
    city: City = Field(City(), description="Who and where")
    sources: tuple[Source, ...] = Field((Source(),), description="Image sources, the finest first")
    acquire: Acquire = Field(Acquire(), description="Scenes to images")
    detect: Detect = Field(Detect(), description="Images to candidates")
    screen: Screen = Field(Screen(), description="Candidates against layers")
    register_: Register = Field(Register(), alias="register", description="Identity")
    patrol: Patrol = Field(Patrol(), description="Tasks")
    ledger: Ledger = Field(Ledger(), description="Ledgers and tracks")
    reconcile: Reconcile = Field(Reconcile(), description="Verdicts and coverage")
    supervise: Supervise = Field(Supervise(), description="Cases")
    report: Report = Field(Report(), description="Deliverables")
    execute: Execute = Field(Execute(), description="Machine")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @model_validator(mode="after")
    def _one_pixel(self) -> Self:
        names = [source.name for source in self.sources]
        if len(set(names)) != len(names):
            raise ValueError("two sources have the same name")
        if self.detect.min_area_m2 < self.city.pixel_m**2:
            raise ValueError("detect.min_area_m2 is smaller than one pixel (city.pixel_m squared)")
        return self

    def section(self, name: str) -> Any:
        """A section as plain JSON values, for hashing."""
        return self.model_dump(mode="json", by_alias=True)[name]


def load_config(path: Path) -> Config:
    """Read ``config.yaml``; raises InputError E101 or E102 naming the key and what is allowed."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = yaml.safe_load(text) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise InputError("E101", f"{path}: {problem}", "give the path of a readable UTF-8 config.yaml") from problem
    if not isinstance(data, dict):
        raise InputError("E101", f"{path}: not a mapping of sections", "start from the file `xuncha init` writes")
    if isinstance(data.get("format_version"), int) and data["format_version"] > FORMAT_VERSION:
        raise InputError("E106", f"{path}: format {data['format_version']}", "update the program")
    try:
        return Config.model_validate(data)
    except ValidationError as problem:
        first = problem.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "(whole file)"
        raise InputError(
            "E102", f"{path}: {key}: {first['msg']} (given: {first.get('input')!r})", f"correct {key} in the file"
        ) from problem


def commented_yaml(model: Section | None = None) -> str:
    """The configuration as YAML with every field's description as a comment above it."""
    model = model or Config()
    lines = ["# Configuration of a xuncha city folder. Every key is optional; these are the defaults."]
    lines += _lines(model, 0)
    return "\n".join(lines) + "\n"


def _lines(model: Section, depth: int, marker: str = "") -> list[str]:
    pad = "  " * depth
    lines: list[str] = []
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        key = field.alias or name
        if field.description:
            lines.append(f"{pad}# {field.description}")
        if isinstance(value, Section):
            inner = _lines(value, depth + 1)
            lines += [f"{pad}{key}:" if inner else f"{pad}{key}: {{}}", *inner]
        elif isinstance(value, tuple) and value and isinstance(value[0], Section):
            lines.append(f"{pad}{key}:")
            for item in value:
                inner = _lines(item, depth + 2)
                lines += [f"{pad}  -", *inner]
        else:
            plain = json.loads(json.dumps(model.model_dump(mode="json")[name]))
            lines.append(f"{pad}{key}: {json.dumps(plain, ensure_ascii=False)}")
    return lines
