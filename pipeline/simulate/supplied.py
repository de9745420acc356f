"""Supplied land of the synthetic city (供地): contracts on approved ground and what people recorded of it.

Nothing here is drawn by chance: dates follow from the approval's and from the order of the parcels.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import pandas as pd

from pipeline.schema import SUPPLY_EVENTS, conform
from pipeline.simulate.frame import CITY_CRS, COUNTY_CODE
from pipeline.simulate.sites import Sites
from pipeline.values import SupplyEvent

LAYER = "GYTD"
IDLE_PREFIX = "云泽市储备地块"
_DAYS = {"signed": 2, "handed_over": 3, "permit": 5, "start_by": 180, "finish_by": 900}


@dataclass(frozen=True)
class _Idle:
    """A contract on ground where nothing was begun, with the recorded government cause and field check."""

    signed: date
    start_by: date
    held: tuple[date, date] | None
    checked: date | None


# One idles two years on 2026-11-20; one a year on 2026-10-31, put off by 31 days to 2026-12-01; one has its year full in
# silence, but nobody looked, and the imagery began after the supply; one was supplied this September.
_IDLE = (
    _Idle(date(2024, 6, 20), date(2024, 11, 20), None, date(2026, 9, 15)),
    _Idle(date(2025, 7, 15), date(2025, 10, 31), (date(2026, 3, 1), date(2026, 3, 31)), date(2026, 9, 16)),
    _Idle(date(2024, 9, 10), date(2025, 3, 10), None, None),
    _Idle(date(2026, 9, 20), date(2027, 3, 20), None, None),
)


def make_supplied(approvals: gpd.GeoDataFrame, sites: Sites) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """The layer :data:`LAYER` in delivered field names, and :data:`~pipeline.schema.SUPPLY_EVENTS`.

    ``approvals``: the layer ZZ_NYDZYFW. Supplied are the sites approved before they began, and the parcels approved
    long ago on which nothing was begun.
    """
    approved = approvals.set_index("PZWH")
    used = sites.sites[sites.sites["case"] == "approved_before"]
    parcels, events = [], []
    for number, row in enumerate(used.itertuples(), start=1):
        name = _name(row.approved_on.year, number)
        days = {key: row.approved_on + timedelta(days=count) for key, count in _DAYS.items()}
        shape, project = approved.loc[row.document, "geometry"], f"供地{number}号{row.project}项目"
        # a land user of its own name: packages name supplied land to whoever acts there, ledgers' subjects they do not
        days_agreed = (days["signed"], days["start_by"], days["finish_by"])
        parcels.append(_parcel(name, project, f"供地{number}号用地单位", *days_agreed, shape))
        events += [_event(name, SupplyEvent.HANDOVER, days["handed_over"])]
        events += [_event(name, SupplyEvent.PERMIT, days["permit"])]
    idle = approvals[approvals["XMMC"].str.startswith(IDLE_PREFIX)]
    for number, (project, shape, plan) in enumerate(zip(idle["XMMC"], idle.geometry, _IDLE, strict=False), start=1):
        name = _name(plan.signed.year, len(used) + number)
        finish = plan.start_by + timedelta(days=_DAYS["finish_by"])
        parcels.append(_parcel(name, project, f"储备项目{number}公司", plan.signed, plan.start_by, finish, shape))
        events.append(_event(name, SupplyEvent.HANDOVER, plan.signed + timedelta(days=10)))
        if plan.held is not None:
            events.append(
                _event(name, SupplyEvent.GOVERNMENT, *plan.held, document=f"云政函〔{plan.held[0].year}〕6号")
            )
        if plan.checked is not None:
            events.append(_event(name, SupplyEvent.CHECKED_EMPTY, plan.checked))
    frame = pd.DataFrame(events, columns=SUPPLY_EVENTS.names)
    layer = gpd.GeoDataFrame(pd.DataFrame(parcels), geometry="geometry", crs=CITY_CRS)
    return layer, conform(SUPPLY_EVENTS, frame.sort_values(list(SUPPLY_EVENTS.key), kind="stable"))


def _name(year: int, number: int) -> str:
    return f"{COUNTY_CODE}{year}B{number:05d}"


def _parcel(
    name: str, project: str, holder: str, signed: date, start: date, finish: date, shape: Any
) -> dict[str, Any]:
    days = {"QDRQ": signed, "YDDGRQ": start, "YDJGRQ": finish}
    return {
        "DZJGH": name, "GYFS": "挂牌出让", "HTBH": f"云地出〔{signed.year}〕{int(name[-5:])}号", "XMMC": project,
        "SRR": holder, **{field: day.isoformat() for field, day in days.items()}, "geometry": shape,
    }  # fmt: skip


def _event(
    name: str, kind: SupplyEvent, day: date, until: date | None = None, *, document: str | None = None
) -> dict[str, Any]:
    return {
        "supply_id": name,
        "event": kind.value,
        "happened_on": day,
        "until": until,
        "document": document,
        "note": None,
    }
