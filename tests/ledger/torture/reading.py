"""Runs the real ledger stage on a case and compares what it wrote with the clerk's reading."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyproj
import shapely

from pipeline.config import City, Config, Ledger
from pipeline.execute import Execution
from pipeline.schema import CELLS, PLACES, conform
from pipeline.stages import ledger
from pipeline.stages.base import StageContext
from pipeline.values import Period
from tests.ledger.torture.case import AS_OF, CENTRE, OTHER_UNIT, PERIOD, UNIT, Case, Finding

CRS = "EPSG:4547"
VILLAGES = ("王家村", "李庄村", "张湾村")
SAME_SPOT_DEG = 2e-5  # about two metres
SAME_AREA = 0.01  # 亩 to square metres is rounded in many ways
REASONS = {
    "locked": "加密|密码",
    "old_format": "不支持|另存|旧版|老格式|解压",
    "scan": "扫描|照片|图片|影印",
    "damaged": "损坏|不完整|不是可读|不可读|无法|打不开|空文件|0字节|不是.*工作簿",
    "bomb": "过大|解压后超过|炸弹|压缩比",
    "unsafe": "实体|DTD|DOCTYPE|外部引用|不安全",
    "not_a_ledger": "表头|不是台账|没有.*表格|日期列",
    "nothing_in_it": "空|没有.*(内容|数据|记录|行)",
    "elsewhere": "其他市|外市|别的|不是本市|不属于|范围外|以外|外地|非本",
    "copy": "重复|相同",
    "unsaved": "公式.*结果",
}
LISTED = {"position": "^坐标：", "date": "日期|时间|年", "superseded": "^更正："}


@dataclass(frozen=True)
class Got:
    """What the stage made of a case, in the words of the case."""

    findings: tuple[Finding, ...]
    effort_days: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]  # code and field or reason of each row that was set aside
    files: dict[str, tuple[str, ...]]  # file -> reasons given for the whole of it
    later: int


def draw_city(city: Path) -> None:
    """Two townships side by side around CENTRE, three villages, cells of 2 km; neither ledgers nor tracks."""
    x, y = pyproj.Transformer.from_crs(4490, CRS, always_xy=True).transform(*CENTRE)
    boxes = [shapely.box(x + 4000 * at - 6000, y - 6000, x + 4000 * at - 2000, y + 6000) for at in range(3)]
    west, east = (
        shapely.box(x - 6000, y - 6000, x + 2000, y + 6000),
        shapely.box(x + 2000, y - 6000, x + 6000, y + 6000),
    )
    places = gpd.GeoDataFrame({"place_id": list("123"), "name": VILLAGES, "place_kind": "村"}, geometry=boxes, crs=CRS)
    named = conform(PLACES, places).rename(columns={"place_id": "ZLDWDM", "name": "ZLDWMC"})
    squares = [(c, r) for c in range(6) for r in range(6)]
    cells = gpd.GeoDataFrame(
        {"cell_id": [f"{c}{r}" for c, r in squares]},
        geometry=[shapely.box(*(x - 6000 + 2000 * c, y - 6000 + 2000 * r), *(x - 4000 + 2000 * c, y - 4000 + 2000 * r))
                  for c, r in squares],
        crs=CRS,
    )  # fmt: skip
    units = gpd.GeoDataFrame(
        {
            "单位编号": ["U1", "U2"],
            "单位名称": [UNIT, OTHER_UNIT],
            "单位类型": "乡镇",
            "重叠优先级": 1,
            "每月核查上限": 9,
        },
        geometry=[west, east],
        crs=CRS,
    )
    for part in ("layers", "units", "ledgers", "tracks"):
        (city / part).mkdir(parents=True)
    named[["ZLDWDM", "ZLDWMC", "geometry"]].to_file(city / "layers" / "CJDCQ.gpkg", layer="CJDCQ")
    units.to_file(city / "units" / "units.gpkg", layer="units")
    conform(CELLS, cells).rename(columns={"cell_id": "网格编号"}).to_file(city / "units" / "cells.gpkg", layer="cells")
    for name, line in (
        ("people", "人员编号,姓名,单位编号,职务,电话"),
        ("responsibility", "网格编号,单位编号,人员编号,起始日期,终止日期"),
        ("delegations", "单位编号,受托单位编号,起始日期,终止日期,依据"),
        ("plan", "计划编号,单位编号,网格编号,人员编号,计划起始日期,计划截止日期,应巡次数"),
    ):
        (city / "units" / f"{name}.csv").write_text(line + "\n", encoding="utf-8-sig")


def read_case(case: Case, city: Path) -> Got:
    """Put the case's files into a drawn city, run the stage and read its tables."""
    shutil.rmtree(city / "ledgers", ignore_errors=True)
    out = city / "runs" / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name, data in case.make().items():
        path = city / "ledgers" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    config = Config(city=City(name="临水市", crs=CRS, pixel_m=10.0), ledger=Ledger(max_unpacked_mb=32.0))
    period = Period(*map(int, PERIOD.split("-")))
    context = StageContext(config, city, period, date.fromisoformat(AS_OF), city / "runs", None, None, Execution())
    counts = ledger.run(context, out).counts
    entries = gpd.read_parquet(out / "entries.parquet")
    rejected = pd.read_parquet(out / "rejected.parquet")
    superseded = pd.read_parquet(out / "superseded.parquet", columns=["basis"])
    found = entries[entries["finding"]]
    whole = rejected["row"].isna()
    files = {name.removeprefix("ledgers/"): tuple(rows["reason"]) for name, rows in rejected[whole].groupby("file")}
    told = {"coordinates": "坐标：", "discovered_on": "日期："}
    listed = pd.read_parquet(out / "files.parquet", columns=["file", "rows"])
    for name in listed.loc[listed["rows"] == 0, "file"]:
        files.setdefault(name.removeprefix("ledgers/"), ("没有数据行",))
    aside = [(row["code"], told.get(row["field"], "") + row["reason"]) for row in rejected[~whole].to_dict("records")]
    aside += [("superseded", f"更正：{basis}") for basis in superseded["basis"]]
    return Got(
        tuple(_finding(row) for row in found.to_dict("records")),
        tuple(sorted(str(_days(row)) for row in entries[~entries["finding"]].to_dict("records"))),
        tuple(sorted(aside)),
        files,
        int(counts["entries_left_for_later"]),
    )


def disagreements(case: Case, got: Got) -> list[str]:
    """What differs from the clerk's reading, in words; empty when they agree."""
    wrong = [*broken_promises(case, got)]
    left = list(got.findings)
    for finding in case.findings:
        same = next((other for other in left if _same(finding, other)), None)
        if same is None:
            wrong.append(f"missing {show(finding)}")
        else:
            left.remove(same)
    wrong += [f"extra {show(finding)}" for finding in left]
    if len(got.effort_days) != case.effort:
        wrong.append(f"effort {len(got.effort_days)}, expected {case.effort}")
    elif case.days and got.effort_days != case.days:
        wrong.append(f"effort on {'、'.join(got.effort_days)}")
    wrong += _files_wrong(case, got)
    return wrong + _rows_wrong(case, got)


def broken_promises(case: Case, got: Got) -> list[str]:
    """What must hold even where the reader falls short: no invented words in a finding, and nothing lost unlisted."""
    told = [f"{finding.subject or ''} {finding.place or ''}" for finding in got.findings]
    wrong = [f"“{text}” in a finding" for text in case.never if any(text in line for line in told)]
    accounted = len(got.findings) + len(got.effort_days) + len(got.rows) + got.later
    if not accounted and not got.files and (case.findings or case.effort or case.rows or case.files):
        wrong.append("nothing read and nothing listed")
    return wrong


def show(finding: Finding) -> str:
    """A finding on one line."""
    at = "" if finding.lonlat is None else f" @{finding.lonlat[0]:.5f},{finding.lonlat[1]:.5f}"
    size = "" if finding.area_m2 is None else f" {finding.area_m2:.0f} m2"
    target = f" {finding.target}" if finding.target else ""
    return f"[{finding.on} {_first(finding.subject)} {_first(finding.place)}{at}{size}{target}]"


def _files_wrong(case: Case, got: Got) -> list[str]:
    wrong = []
    copied = any(code in ("E506", "E508") for code, _ in got.rows)
    for name, kind in case.files.items():
        reasons = got.files.get(name, ())
        if kind == "copy" and not reasons and copied:
            continue
        if not any(re.search(REASONS[kind], reason) for reason in reasons):
            wrong.append(f"{name}: expected {kind}, listed {' | '.join(reasons) or 'not at all'}")
    for name in sorted(set(got.files) - set(case.files)):
        if not case.asides or not all(re.search(REASONS["not_a_ledger"], reason) for reason in got.files[name]):
            wrong.append(f"{name} listed: {' | '.join(got.files[name])}")
    return wrong


def _rows_wrong(case: Case, got: Got) -> list[str]:
    kinds: Counter[str] = Counter({"date": got.later})
    wrong = []
    for code, reason in got.rows:
        if code == "E507" or (code in ("E506", "E508") and "copy" in case.files.values()):
            continue
        if code == "E502" and (case.asides or "not_a_ledger" in case.files.values()):
            continue
        kind = next((kind for kind, words in LISTED.items() if code != "E506" and re.search(words, reason)), None)
        kind = "copy" if code == "E506" else kind
        if kind is None or kinds[kind] >= case.rows.count(kind):
            wrong.append(f"row listed: {code} {reason}")
        else:
            kinds[kind] += 1
    missing = Counter(case.rows) - kinds
    return wrong + [f"row not listed: {kind}" for kind in missing.elements()]


def _finding(row: dict[str, Any]) -> Finding:
    x, y, shape = row["stated_x"], row["stated_y"], row["geometry"]
    lonlat = None
    if row["position_source"] not in ("place", "none") and not pd.isna(x) and not pd.isna(y):
        lonlat = _degrees(float(x), float(y), shape)
    area = row["stated_area_m2"]
    return Finding(
        _days(row),
        _text(row["subject"]),
        _text(row["place"]),
        lonlat,
        None if pd.isna(area) else float(area),
        _text(row["stated_target_id"]),
    )


def _degrees(x: float, y: float, shape: Any) -> tuple[float, float]:
    """The stated pair as longitude, latitude; plane coordinates through the geometry the stage gave them."""
    if abs(x) <= 180 and abs(y) <= 90:
        return x, y
    point = shapely.centroid(shape)
    lon, lat = pyproj.Transformer.from_crs(CRS, 4490, always_xy=True).transform(point.x, point.y)
    return float(lon), float(lat)


def _days(row: dict[str, Any]) -> str | None:
    start, end = row["discovered_on"], row["discovered_until"]
    if pd.isna(start):
        return None
    first, last = f"{start:%Y-%m-%d}", f"{start if pd.isna(end) else end:%Y-%m-%d}"
    return first if first == last else f"{first}/{last}"


def _same(expected: Finding, got: Finding) -> bool:
    if expected.on != got.on or not _text_fits(expected.subject, got.subject):
        return False
    if not _text_fits(expected.place, got.place) or (expected.lonlat is None) != (got.lonlat is None):
        return False
    if expected.area_m2 is not None and (got.area_m2 is None or abs(got.area_m2 / expected.area_m2 - 1) > SAME_AREA):
        return False
    if expected.target is not None and expected.target != got.target:
        return False
    if expected.lonlat is None or got.lonlat is None:
        return True
    return all(abs(a - b) < SAME_SPOT_DEG for a, b in zip(expected.lonlat, got.lonlat, strict=True))


def _text_fits(expected: str | tuple[str, ...] | None, got: str | tuple[str, ...] | None) -> bool:
    readings = expected if isinstance(expected, tuple) else (expected,)
    return _folded(got) in {_folded(reading) for reading in readings}


def _folded(text: str | tuple[str, ...] | None) -> str:
    plain = unicodedata.normalize("NFKC", _first(text) or "")
    return re.sub(r"[\s\u200b]+", "", plain).rstrip("。.;；,")


def _first(text: str | tuple[str, ...] | None) -> str | None:
    return text[0] if isinstance(text, tuple) else text


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)
