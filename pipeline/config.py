"""The typed configuration of a city: one frozen section per room; ``configs/default.yaml`` is generated from it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pyproj
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline import FORMAT_VERSION
from pipeline.errors import InputError

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Days = Annotated[int, Field(ge=0)]
Weight = Annotated[float, Field(ge=0.0)]

PROFILES = ("s2", "landsat", "vhr")


def _for_every_profile(value: object) -> object:
    """One number, as configurations before 0.5.0 have it, counts for every profile."""
    if isinstance(value, dict) and set(value) != set(PROFILES):
        raise ValueError(f"one value for each of {', '.join(PROFILES)}")
    return dict.fromkeys(PROFILES, value) if isinstance(value, int | float) else value


ByProfile = Annotated[dict[str, Share], BeforeValidator(_for_every_profile)]


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
    max_shift_px: Positive = Field(15.0, description="Larger offsets between scenes are not looked for, pixels")
    max_scatter_px: Positive = Field(1.0, description="Larger scatter of the tiles' offsets: not registered, pixels")
    gate_px: Positive = Field(0.5, description="Scenes with more left after correction are refused, pixels")
    min_clear_share: Share = Field(0.05, description="Scenes with a smaller clear share of the city are not used")
    cloud_buffer_m: Positive = Field(60.0, description="Clouds are grown by this, metres")
    shadow_buffer_m: Positive = Field(20.0, description="Cloud shadows are grown by this, metres")
    cloud_rise: Positive = Field(0.04, description="Blue reflectance above the series' median that hints at cloud")
    shadow_ratio: Share = Field(0.75, description="Brightness relative to the series' median that hints at shadow")
    agreement: Positive = Field(0.03, description="Looks that differ less in reflectance confirm each other")
    max_gain: Annotated[float, Field(ge=1.0)] = Field(1.4, description="Radiometric slopes stay within 1/this and this")


class Detect(Section):
    """From images to candidate objects."""

    min_area_m2: Positive = Field(400.0, description="Smallest object kept, at least one pixel")
    prior_log_odds: float = Field(-8.5, description="Log odds of an ordinary pixel in a month")
    novelty_weight: Annotated[float, Field(ge=0.0)] = Field(
        2.0, description="Log odds per spread of how far the after state is from all earlier ones"
    )
    strong_probability: Share = Field(0.6, description="A month's object needs one such pixel")
    weak_probability: Share = Field(0.25, description="Pixels of a month's object have at least this")
    min_probability: Share = Field(
        0.65, description="A month's objects below this are listed as unlikely, not as targets"
    )
    model: dict[str, str] = Field(
        {},
        description="Trained model by source name or profile, a folder below the city folder; else the hand weights. "
        "An older version's folder here goes back to it",
    )
    monitor_months: Annotated[int, Field(ge=0, le=60)] = Field(
        36, description="Months of the monitor's state, up to three years of baseline; 0: no monitor"
    )
    follow_months: Annotated[int, Field(ge=1, le=24)] = Field(
        12, description="A departure from the baseline is followed this many months, then it is the new usual"
    )
    monitor_weight: Weight = Field(1.0, description="Weight of what a month adds to the monitor's evidence")
    early_evidence: Positive = Field(2.0, description="Evidence (log odds) from which a departure is early")
    probable_evidence: Positive = Field(4.0, description="Evidence of three months or more that makes it probable")
    confirmed_evidence: Positive = Field(
        6.0, description="Evidence of three months or more, one of them in the green season, that confirms it"
    )
    alike_weight: Weight = Field(0.8, description="How much land around that changed alike speaks against an object")
    alike_radius_m: Positive = Field(1500.0, description="How far around an object that land is looked at, metres")
    pair_min_area_m2: dict[str, float] = Field(
        {"s2": 1000.0, "landsat": 3600.0, "vhr": 40.0}, description="Smallest object of `compare` by profile, m2"
    )
    pair_prior_log_odds: dict[str, float] = Field(
        {"s2": -5.5, "landsat": -5.5, "vhr": -2.6},
        description="Log odds of an ordinary pixel of `compare` by profile, images years apart",
    )
    pair_tail_weight: ByProfile = Field(
        {"s2": 1.0, "landsat": 1.0, "vhr": 0.5},
        description="How far a pair whose whole land changed more than usual is set back, by profile, 0 to 1",
    )
    pair_strong_probability: Share = Field(0.5, description="An object of a pair needs one such pixel")
    pair_listed_probability: Share = Field(
        0.15, description="An object of a pair without such a pixel is listed as unlikely when one has this"
    )
    pair_weak_probability: ByProfile = Field(
        {"s2": 0.15, "landsat": 0.15, "vhr": 0.25},
        description="Pixels of a pair's object have at least this, by profile",
    )
    pair_odds_slope: dict[str, Positive] = Field(
        {"s2": 1.2, "landsat": 1.2, "vhr": 1.5},
        description="By this and the offset an object's log odds become those said of it, by profile",
    )
    pair_odds_offset: dict[str, float] = Field(
        {"s2": -0.3, "landsat": -0.3, "vhr": -0.8}, description="Added to the log odds of a pair's object, by profile"
    )
    pair_min_probability: ByProfile = Field(
        {"s2": 0.31, "landsat": 0.31, "vhr": 0.25},
        description="Objects of a pair below this are listed as unlikely, by profile",
    )


class Screen(Section):
    """Candidates against dated layers."""

    area_formula: Literal["geodesic", "official"] = Field(
        "geodesic",
        description="Area that thresholds are judged by: geodesic, or official, the trapezoids of 2008 No. 32",
    )
    area_difference_share: Share = Field(
        0.1, description="Parcels whose stated area (TBMJ) is off their outline's by more than this share are listed"
    )
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
    stock_date: date | None = Field(
        None,
        description="Stock-taking (清查) date: targets seen by it are 存量, begun after it 增量; null: known cases decide",
    )
    known_distance_m: Annotated[float, Field(ge=0.0)] = Field(
        20.0, description="Old cases within this many metres are linked to a target"
    )


class Patrol(Section):
    """Task lists for the units."""

    seen_share: Share = Field(0.9, description="A cell says none found only where this share of it was observable")
    unseen_share: Share = Field(0.1, description="Below this observable share a cell says not observed")
    farmland_weight: Weight = Field(0.5, description="Ranking: added for the share of a target that is farmland")
    basic_farmland_weight: Weight = Field(1.0, description="Ranking: added where permanent basic farmland is touched")
    early_stage_weight: Weight = Field(0.5, description="Ranking: added the earlier the construction stage is")
    growth_weight: Weight = Field(0.5, description="Ranking: added where a target has grown since last period")
    area_weight: Weight = Field(0.5, description="Ranking: added for area, in full from full_area_m2 on")
    full_area_m2: Positive = Field(3333.0, description="Area that counts as fully large in the ranking (5 mu)")
    field_check_days: Days | None = Field(None, description="Days to check a dispatched target; null: deadlines.yaml")
    blind_share: Share = Field(
        0.0,
        description="Share of each unit's new targets held back from its list for a month as blind samples; 0: none",
    )
    blind_key: str = Field("", description="Secret word of the blind draw, so that units cannot foresee it")
    max_stops_per_day: Annotated[int, Field(ge=1)] = Field(8, description="Targets a unit visits in a day at most")
    max_length_m: Positive = Field(60000.0, description="Straight-line length of a day's route at most, metres")


class Ledger(Section):
    """Reading what the townships send."""

    oldest_years: Annotated[int, Field(ge=1, le=100)] = Field(10, description="Dates older than this are not believed")
    latest_days: Days = Field(400, description="Dates later than this many days after --as-of are not believed")
    max_unpacked_mb: Positive = Field(300.0, description="Largest unpacked workbook, megabytes (zip bombs)")
    max_cells: Annotated[int, Field(ge=1000)] = Field(5_000_000, description="Largest sheet, rows times columns")
    gps_uncertainty_m: Positive = Field(30.0, description="Error of a phone's coordinates, metres")
    max_outside_m: Positive = Field(
        20_000.0, description="Positions farther outside the grid cells are rejected, metres"
    )
    place_least_m: Positive = Field(150.0, description="Smallest uncertainty radius of a text place, metres")
    place_village_share: Positive = Field(1.0, description="Uncertainty of a bare village name, in radii of its land")
    place_offset_village_share: Positive = Field(
        0.5, description="0.5: distances count from anywhere between a village's middle and its last house; 0: its last"
    )
    place_offset_distance_share: Positive = Field(
        0.2, description="Standard deviation of a stated distance, as a share of it"
    )
    place_direction_degrees: Positive = Field(
        10.0,
        description="Standard deviation of a direction in words, beside the width of its word, degrees",
    )
    datum_min_entries: Annotated[int, Field(ge=1)] = Field(8, description="Fewer usable entries cannot tell the datum")
    datum_min_odds: Share = Field(0.95, description="Probability a datum must reach to be used")
    datum_sight_m: Positive = Field(150.0, description="Usual distance of a finding from the patrol's track, metres")
    datum_max_days_apart: Days = Field(1, description="Tracks this many days from an entry's day count as its own")
    photo_uncertainty_m: Positive = Field(
        60.0,
        description="Distance of a finding from its photo's stored position, metres: the receiver's and the view's",
    )
    photo_days_apart: Days = Field(3, description="Photos taken this many days from the entry's day raise no question")
    max_photo_mb: Positive = Field(40.0, description="Largest photo that is read, megabytes; larger ones are listed")
    max_photo_megapixels: Positive = Field(64.0, description="Largest photo that is decoded, million pixels")
    max_track_mb: Positive = Field(50.0, description="Largest track file, megabytes")
    max_track_points: Annotated[int, Field(ge=2)] = Field(500_000, description="Most points of a track file")
    max_speed_kmh: Positive = Field(130.0, description="Track points only reachable faster are removed, km/h")
    max_gap_minutes: Positive = Field(10.0, description="A track is not drawn across longer pauses, minutes")
    max_gap_m: Positive = Field(1000.0, description="A track is not drawn across longer jumps, metres")
    track_road_m: Positive = Field(
        15.0, description="A track point this close to a mapped road is on it: evidence for the track's datum, metres"
    )
    track_datums: dict[str, Literal["WGS84", "GCJ-02", "BD-09"]] = Field(
        {}, description="Datum of tracks by the app or device named in them, where the bureau knows it"
    )
    stop_radius_m: Positive = Field(50.0, description="A track that stays this close to one place stops there, metres")
    stop_minutes: Positive = Field(3.0, description="Shortest stay that is a stop, minutes")
    track_piece_m: Positive = Field(300.0, description="Length of the pieces whose speed is told by themselves, metres")
    cell_border_m: Positive = Field(100.0, description="A track this close to a cell has been in it, metres")
    max_removed_share: Share = Field(0.3, description="A track that loses more of its points is marked as doubtful")


class Reconcile(Section):
    """Targets against entries and visits."""

    answer_days: Days = Field(
        40,
        description="Without --as-of, entries up to this many days after the period count: a month, and time to hand in",
    )
    grace_days: Days = Field(5, description="Visits and due dates this close before the cutoff accuse nobody yet, days")
    accept_match: Share = Field(0.8, description="Probability from which an entry counts as being about a target")
    reject_match: Share = Field(0.1, description="Probability below which an entry cannot stand in for a target")
    same_site_m: Positive = Field(
        100.0,
        description="Targets this close may be one site: a report of one keeps the others from being missed, metres",
    )
    one_site_m: Positive = Field(
        30.0,
        description="Targets this close are parts of one site for a ledger entry: it is about each of them, metres",
    )
    standing_m: Positive = Field(
        25.0, description="Standard deviation of where reporters stand around a site, metres, added to the entry's own"
    )
    background_per_km2: Positive = Field(
        0.7, description="Findings per square km that are about no target, relative to one mention per target"
    )
    max_lead_days: Days = Field(
        60, description="An entry this long before the last clear image is about something else, unless on the spot"
    )
    min_seen: Share = Field(0.7, description="Probability of seeing the target from which a visit counts as a chance")
    sight_m: Positive = Field(
        100.0, description="Distance scale of seeing a 1000 m2 structure from a track, metres; also the coverage buffer"
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
    roofed_days: Days = Field(
        75, description="A finding already roofed this soon after monitoring began may be older than the first image"
    )
    look_back_days: Days = Field(
        92, description="Findings discovered up to this many days before the period's end are held against the imagery"
    )
    ground_step_m: Positive = Field(
        50.0, description="Spacing of the points at which the ground seen by patrols is weighed, metres"
    )
    risk_farmland: Weight = Field(1.0, description="Risk a hectare of farmland adds, in hectares of ordinary ground")
    risk_basic_farmland: Weight = Field(
        2.0, description="Risk a hectare of permanent basic farmland adds, in hectares of ordinary ground"
    )
    risk_target_ha: Weight = Field(20.0, description="Risk of a target, in hectares of ordinary ground")
    risk_case_ha: Weight = Field(10.0, description="Risk of an earlier case's place, in hectares of ordinary ground")
    audit_cells: Annotated[int, Field(ge=0)] = Field(
        30, description="Grid cells drawn each month for a full field audit"
    )
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

    notice_days: Days | None = Field(None, description="Days from a confirmed violation to its notice; null: rules")
    service_days: Days | None = Field(None, description="Days from a notice to its service; null: rules")
    correction_days: Days | None = Field(None, description="Days from service to correction; null: rules")
    referral_days: Days | None = Field(None, description="Days from a refusal to stop to the referral; null: rules")
    referral_reply_days: Days | None = Field(None, description="Days from a referral to its answer; null: rules")
    follow_up_days: Days | None = Field(None, description="Days from a referral or approval to a visit; null: rules")
    black_soil: bool = Field(
        False, description="The city lies on black soil (黑土地): its lower thresholds of area count; ask the bureau"
    )
    started_share: Share = Field(0.02, description="Share of an approved parcel with detected works that means started")
    seen_share: Share = Field(0.5, description="Below this observable share a parcel with no works is not observed")
    outline_tolerance_m: Positive = Field(
        10.0, description="Works on supplied land may be drawn this much too wide or too narrow, metres: a pixel"
    )
    min_overrun_m2: Positive = Field(
        150.0, description="Works outside a red line below this are not listed, square metres"
    )


class Report(Section):
    """Packages and the month's report."""

    page_rows_max: Annotated[int, Field(ge=1)] = Field(
        500, description="Rows of a table printed on month.html; month.xlsx always holds all of them"
    )


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


def _lines(model: Section, depth: int) -> list[str]:
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
