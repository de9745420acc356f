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
        crs = pyproj.CRS.from_user_input(value)
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


class Register(Section):
    """Stable identity from period to period."""


class Patrol(Section):
    """Task lists for the units."""


class Ledger(Section):
    """Reading what the townships send."""


class Reconcile(Section):
    """Targets against entries and visits."""

    answer_days: Days = Field(30, description="Without --as-of, entries up to this many days after the period count")


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
