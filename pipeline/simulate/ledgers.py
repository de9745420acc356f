"""Ten-field patrol ledgers as townships keep them: what each row says, and which outing and site it came from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from shapely.geometry.base import BaseGeometry

from pipeline.simulate.landscape import Landscape
from pipeline.simulate.patrols import Outing
from pipeline.simulate.places import Clerks, Told
from pipeline.simulate.sightings import Findings
from pipeline.simulate.sites import LAWFUL_CASES, Sites
from pipeline.simulate.units import Organisation
from pipeline.simulate.wording import DATE_STYLES, area_text, degrees_text, phone_position, place_text

STATUS = {
    "earthworks": ("正在推填土", "已平整场地", "机械进场清表"), "pit": ("正在开挖基坑", "基础开挖"),
    "structure": ("主体正在施工", "墙体砌筑中", "钢架已立起"), "roofed": ("已封顶", "主体完工未使用"),
}  # fmt: skip
_MEASURES = ("口头制止", "下达责令停止违法行为通知书", "下达责令停止违法建设通知书", "现场制止并报告")
_EFFECTS = ("已停工", "当事人同意整改", "暂停施工", "拒不停工")
_FOLLOW_UPS = ("跟踪巡查", "抄告市局", "限期拆除", "待补办手续")


@dataclass(frozen=True)
class Style:
    """A unit's habits. ``headings``: variant of the column names; ``coordinates``: columns, column or place."""

    headings: int
    title_rows: int
    dates: tuple[str, ...]
    coordinates: str
    datum: str
    merged_people: bool
    footer: bool
    one_file: bool
    numbered: bool


@dataclass(frozen=True)
class LedgerItem:
    """One finding inside a row."""

    site_id: str | None
    find_id: str | None
    project: str
    subject: str
    told: Told
    status: str
    area: str
    position: tuple[float, float] | None


@dataclass(frozen=True)
class LedgerRow:
    """One row before it is written: ``origin`` is visit, paper, copied or duplicate."""

    unit_id: str
    visit_id: str
    origin: str
    day: date
    date_style: str
    people: str
    route: str
    items: tuple[LedgerItem, ...] = field(default=())
    measures: str = ""
    effect: str = ""
    follow_up: str = ""


def unit_styles(organisation: Organisation) -> dict[str, Style]:
    """Every unit's habits, spread so that each human error occurs in the smallest city."""
    modes = ("columns", "column", "place", "columns", "column", "place", "columns", "column", "place", "columns")
    styles = {}
    for number, unit_id in enumerate(sorted(organisation.units["unit_id"])):
        dates = tuple(DATE_STYLES[(number * 2 + step) % len(DATE_STYLES)] for step in range(5))
        styles[str(unit_id)] = Style(
            headings=number % 3, title_rows=number % 4, dates=dates, coordinates=modes[number],
            datum="GCJ-02" if number in (3, 5) else "WGS84", merged_people=number == 5, footer=number in (2, 5),
            one_file=number == 4, numbered=number % 2 == 1,
        )  # fmt: skip
    return styles


def silent_months(organisation: Organisation) -> frozenset[tuple[str, str]]:
    """(unit_id, month) whose ledger never arrives: the circular zone's October."""
    return frozenset({("U07", "2026-10")} & {(unit, "2026-10") for unit in organisation.units["unit_id"]})


def make_rows(
    *, outings: list[Outing], findings: Findings, sites: Sites, landscape: Landscape, organisation: Organisation,
    clerks: Clerks, silent: frozenset[tuple[str, str]], rngs: dict[str, np.random.Generator],
) -> list[LedgerRow]:  # fmt: skip
    """The rows of all ledgers in the order of their days; silent months are left out.

    The words for a place come from ``clerks`` and their own stream; the plain words take their draws in any case, so
    that nothing else of the ledger depends on the clerk's manner.
    """
    rng = rngs["ledgers"]
    styles = unit_styles(organisation)
    names = organisation.people.set_index("person_id")["name"]
    reported = findings.sightings[findings.sightings["reported"]]
    rows: list[LedgerRow] = []
    for outing in (o for o in outings if o.listed and (o.unit_id, f"{o.visited_on:%Y-%m}") not in silent):
        style = styles[outing.unit_id]
        datum = style.datum
        items = [
            _site_item(str(site_id), sites, outing, landscape, clerks, datum, rng)
            for site_id in reported[reported["visit_id"] == outing.visit_id]["site_id"]
        ]
        for find in findings.small[findings.small["visit_id"] == outing.visit_id].itertuples():
            items.append(_small_item(find, outing, landscape, clerks, datum, rng))
        row = LedgerRow(
            unit_id=outing.unit_id, visit_id=outing.visit_id, origin="visit" if outing.really_went else "paper",
            day=outing.visited_on, date_style=str(rng.choice(list(style.dates))),
            people=_people(outing, organisation, names, rng), route=_route(outing, organisation, landscape),
            items=tuple(items),
        )  # fmt: skip
        if items:
            row = _with_measures(row, rng)
        rows.append(row)
    return _copies(rows, rng)


def _copies(rows: list[LedgerRow], rng: np.random.Generator) -> list[LedgerRow]:
    """Some paper patrols carry an old finding over, and some rows are typed in twice."""
    result: list[LedgerRow] = []
    last_found: dict[str, LedgerRow] = {}
    for row in rows:
        earlier = last_found.get(row.unit_id)
        if row.origin == "paper" and earlier is not None and rng.random() < 0.7:
            row = replace(row, origin="copied", items=earlier.items, measures=earlier.measures, effect=earlier.effect,
                          follow_up=earlier.follow_up)  # fmt: skip
        result.append(row)
        if row.origin == "visit" and row.items:
            last_found[row.unit_id] = row
            if rng.random() < 0.08:
                result.append(replace(row, origin="duplicate"))
    return result


def _people(outing: Outing, organisation: Organisation, names: pd.Series, rng: np.random.Generator) -> str:
    people = organisation.people
    mates = [p for p in people[people["unit_id"] == outing.unit_id]["person_id"] if p != outing.person_id]
    mate = str(names[mates[int(rng.integers(len(mates)))]])
    return f"{names[outing.person_id]}{str(rng.choice(['、', ' ', '，']))}{mate}"


def _route(outing: Outing, organisation: Organisation, landscape: Landscape) -> str:
    """The route in words: the villages nearest to the cells, as a township writes it."""
    cells = organisation.cells.set_index("cell_id").geometry
    stops: list[str] = []
    for cell_id in outing.cell_ids:
        distance = landscape.villages.distance(cells[cell_id].centroid).to_numpy()
        name = str(landscape.villages["name"].iloc[int(np.argmin(distance))])
        if name not in stops:
            stops.append(name)
    return "—".join([organisation.name(outing.unit_id), *stops])


def _site_item(
    site_id: str, sites: Sites, outing: Outing, landscape: Landscape, clerks: Clerks, datum: str,
    rng: np.random.Generator,
) -> LedgerItem:  # fmt: skip
    site = sites.sites[sites.sites["site_id"] == site_id].iloc[0]
    state = sites.stages[(sites.stages["site_id"] == site_id) & (sites.stages["from"] <= outing.visited_on)].iloc[-1]
    status = str(rng.choice(STATUS[str(state["stage"])]))
    if site["case"] in LAWFUL_CASES:
        status += "，称有批准手续"
    extent = state["geometry"]
    return LedgerItem(
        site_id=site_id, find_id=None, project=str(site["project"]), subject=str(site["subject"]),
        told=clerks.tell(extent, outing.person_id, place_text(landscape, extent, rng)), status=status,
        area=area_text(float(state["area_m2"]), rng),
        position=phone_position(extent, datum, rng) if rng.random() < 0.85 else None,
    )  # fmt: skip


def _small_item(
    find: Any, outing: Outing, landscape: Landscape, clerks: Clerks, datum: str, rng: np.random.Generator
) -> LedgerItem:
    shape: BaseGeometry = find.geometry
    return LedgerItem(
        site_id=None, find_id=str(find.find_id), project=str(find.what), subject="村民", status="已形成",
        told=clerks.tell(shape, outing.person_id, place_text(landscape, shape, rng)),
        area=area_text(float(find.area_m2), rng),
        position=phone_position(shape, datum, rng) if rng.random() < 0.85 else None,
    )  # fmt: skip


def _with_measures(row: LedgerRow, rng: np.random.Generator) -> LedgerRow:
    return replace(
        row,
        measures=str(rng.choice(_MEASURES)),
        effect=str(rng.choice(_EFFECTS)),
        follow_up=str(rng.choice(_FOLLOW_UPS)),
    )


def joined(items: tuple[LedgerItem, ...], texts: list[str]) -> str:
    """One cell for all findings of a row: plain for one, numbered ``1.… 2.…`` for several."""
    if len(items) == 1:
        return texts[0]
    return "\n".join(f"{number}.{text}" for number, text in enumerate(texts, start=1))


def place_cells(row: LedgerRow, style: Style) -> tuple[str, list[Any]]:
    """Text of the place cell and the coordinate cells of a row, in the unit's manner.

    Rows with several findings always carry their coordinates inside the place text.
    """
    texts = [item.told.text for item in row.items]
    blank: list[Any] = [None] * {"columns": 2, "column": 1, "place": 0}[style.coordinates]
    if style.coordinates == "place" or len(row.items) > 1:
        texts = [
            f"{item.told.text}（{degrees_text(*item.position, 'decimal')}）" if item.position else item.told.text
            for item in row.items
        ]
        return joined(row.items, texts), blank
    position = row.items[0].position
    if position is None or not blank:
        return texts[0], blank
    if style.coordinates == "columns":
        return texts[0], [round(position[0], 6), round(position[1], 6)]
    return texts[0], [degrees_text(*position, "dms" if row.day.day % 2 else "decimal")]
