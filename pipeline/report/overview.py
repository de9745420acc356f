"""The month's overview map as one inline SVG: hatches and symbols carry the meaning, so that it prints in black."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape

import geopandas as gpd
import shapely
from shapely.geometry.base import BaseGeometry

from pipeline.report.tables import MonthTables
from pipeline.values import CellState, Verdict

WIDTH_PX = 900
_MARGIN_PX = 12
_LEGEND_PX = 150
_SYMBOLS: dict[str, str] = {
    Verdict.FOUND_BEFORE_DISPATCH.value: '<circle r="5" fill="#2b6a3f" stroke="#000"/>',
    Verdict.FOUND_AFTER_DISPATCH.value: '<circle r="5" fill="#fff" stroke="#000" stroke-width="1.5"/>'
    '<circle r="2" fill="#000"/>',
    Verdict.PATROLLED_NOT_REPORTED.value: '<path d="M0 -7L6.5 5H-6.5Z" fill="#b3261e" stroke="#000"/>',
    Verdict.DUE_NOT_PATROLLED.value: '<path d="M-5 -5H5V5H-5Z" fill="#d98200" stroke="#000"/>',
    Verdict.UNDETERMINABLE.value: '<path d="M0 -6L6 0L0 6L-6 0Z" fill="#fff" stroke="#000" stroke-width="1.5"/>',
    "": '<path d="M-4 -4L4 4M-4 4L4 -4" fill="none" stroke="#000" stroke-width="2"/>',
}
_FILLS: dict[str, str] = {
    CellState.TARGETS.value: "#ececec",
    CellState.NONE_FOUND.value: "#ffffff",
    CellState.PARTLY_OBSERVED.value: "url(#partly)",
    CellState.NOT_OBSERVED.value: "url(#hidden)",
}
_PATTERNS = (
    '<defs><pattern id="partly" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="8" height="8" fill="#fff"/><path d="M0 0V8" stroke="#777" stroke-width="1.5"/></pattern>'
    '<pattern id="hidden" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" fill="#ddd"/>'
    '<path d="M0 0L6 6M6 0L0 6" stroke="#333" stroke-width="1"/></pattern>'
    '<pattern id="unwalked" width="7" height="7" patternUnits="userSpaceOnUse">'
    '<circle cx="2" cy="2" r="0.9" fill="#000"/></pattern></defs>'
)
_NAMES: dict[str, str] = {verdict.value: verdict.label for verdict in Verdict} | {"": "尚无结论"}


def overview_svg(month: MonthTables) -> str:
    """Cells by state, unit borders, missed areas and targets by verdict, with legend, scale bar and north arrow.

    North is the grid north of the city's CRS. A month without cells gives a sentence instead of a map.
    """
    cells = month.cell_states
    if len(cells) == 0:
        return "<p>没有网格，无法绘制示意图。</p>"
    left, bottom, right, top = (float(value) for value in cells.total_bounds)
    scale = (WIDTH_PX - 2 * _MARGIN_PX) / max(right - left, 1.0)
    height = (top - bottom) * scale + 2 * _MARGIN_PX
    frame = _Frame(left, top, scale)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} {height + _LEGEND_PX:.0f}" role="img" '
        'aria-label="本月网格、目标和漏巡区域示意图">',
        _PATTERNS,
        *_cells(cells, frame),
        *_units(month.units, frame),
        *_missed(month.missed, frame),
        *_unit_names(month.units, frame),
        *_targets(month, frame),
        _north_arrow(height),
        _scale_bar(scale, height),
        _legend(height),
        "</svg>",
    ]
    return "\n".join(parts)


class _Frame:
    """From metres in the city's CRS to pixels of the drawing, y downwards."""

    def __init__(self, left: float, top: float, scale: float) -> None:
        self.left, self.top, self.scale = left, top, scale

    def point(self, x: float, y: float) -> str:
        column, row = (x - self.left) * self.scale + _MARGIN_PX, (self.top - y) * self.scale + _MARGIN_PX
        return f"{column:.1f} {row:.1f}"

    def path(self, shape: BaseGeometry) -> str:
        """Polygons as path data; details below half a pixel are dropped."""
        simple = shapely.simplify(shape, 0.5 / self.scale)
        rings = [
            "M" + "L".join(self.point(x, y) for x, y in ring.coords[:-1]) + "Z"
            for part in shapely.get_parts(simple)
            if part.geom_type == "Polygon"
            for ring in (part.exterior, *part.interiors)
        ]
        return "".join(rings)


def _cells(cells: gpd.GeoDataFrame, frame: _Frame) -> list[str]:
    ordered = cells.sort_values("cell_id", kind="stable")
    return [
        f'<path d="{frame.path(shape)}" fill="{_FILLS.get(state, "#fff")}" stroke="#bbb" stroke-width="0.8"/>'
        for state, shape in zip(ordered["state"], ordered.geometry, strict=True)
        if shape is not None
    ]


def _missed(missed: gpd.GeoDataFrame, frame: _Frame) -> list[str]:
    ordered = missed.sort_values("missed_id", kind="stable")
    return [
        f'<path d="{outline}" fill="none" stroke="#fff" stroke-width="4"/>'
        f'<path d="{outline}" fill="url(#unwalked)" stroke="#000" stroke-width="1.6" stroke-dasharray="5 3"/>'
        for outline in (frame.path(shape) for shape in ordered.geometry if shape is not None)
        if outline
    ]


def _units(units: gpd.GeoDataFrame, frame: _Frame) -> list[str]:
    outlines = (frame.path(shape) for shape in units.geometry if shape is not None)
    return [f'<path d="{line}" fill="none" stroke="#444" stroke-width="2.2"/>' for line in outlines if line]


def _unit_names(units: gpd.GeoDataFrame, frame: _Frame) -> list[str]:
    drawn: list[str] = []
    for name, shape in zip(units["name"], units.geometry, strict=True):
        if shape is None or shape.is_empty:
            continue
        x, y = frame.point(*shape.representative_point().coords[0]).split()
        drawn.append(
            f'<text x="{x}" y="{y}" text-anchor="middle" font-size="15" font-weight="bold" stroke="#fff" '
            f'stroke-width="4" paint-order="stroke">{escape(name)}</text>'
        )
    return drawn


def _targets(month: MonthTables, frame: _Frame) -> list[str]:
    verdicts: Mapping[str, str] = dict(zip(month.verdicts["target_id"], month.verdicts["verdict"], strict=True))
    ordered = month.targets.sort_values("target_id", kind="stable")
    drawn: list[str] = []
    for target_id, merged, shape in zip(ordered["target_id"], ordered["merged_into"], ordered.geometry, strict=True):
        if isinstance(merged, str) or shape is None or shape.is_empty:
            continue
        place = frame.point(*shape.representative_point().coords[0])
        verdict = verdicts.get(target_id, "")
        drawn.append(
            f'<g transform="translate({place})"><title>{escape(target_id)} {_NAMES.get(verdict, verdict)}</title>'
            f"{_SYMBOLS.get(verdict, _SYMBOLS[''])}</g>"
        )
    return drawn


def _north_arrow(height: float) -> str:
    """Below the map beside the scale bar: a box on the map would hide what lies under it."""
    return (
        f'<g transform="translate({WIDTH_PX - 40} {height + 18:.0f})"><path d="M0 -16L8 14L0 7L-8 14Z" fill="#000"/>'
        '<text x="-14" y="6" text-anchor="end" font-size="13" font-weight="bold">北</text></g>'
    )


def _scale_bar(scale: float, height: float) -> str:
    metres = _round_length(WIDTH_PX / 5 / scale)
    label = f"{metres / 1000:g} 千米" if metres >= 1000 else f"{metres:g} 米"
    length = metres * scale
    return (
        f'<g transform="translate({_MARGIN_PX} {height + 22:.0f})"><path d="M0 -6V0H{length:.1f}V-6" fill="none" '
        f'stroke="#000" stroke-width="2"/><text x="{length + 8:.1f}" y="2" font-size="13">{label}</text></g>'
    )


def _round_length(metres: float) -> float:
    """The largest of 1, 2 or 5 times a power of ten that is not longer."""
    power = 10.0 ** math.floor(math.log10(metres))
    return max(step * power for step in (1.0, 2.0, 5.0) if step * power <= metres)


def _legend(height: float) -> str:
    symbols = list(_SYMBOLS)
    entries = [(f"<g>{_SYMBOLS[code]}</g>", f"目标：{_NAMES[code]}") for code in symbols]
    entries += [
        (
            f'<rect x="-9" y="-7" width="18" height="14" fill="{_FILLS[state.value]}" stroke="#777"/>',
            f"网格：{state.label}",
        )
        for state in CellState
    ]
    dashed = '<path d="M-9 -6H9V6H-9Z" fill="url(#unwalked)" stroke="#000" stroke-width="1.6" stroke-dasharray="5 3"/>'
    border = '<path d="M-9 0H9" stroke="#444" stroke-width="2.2"/>'
    entries += [(dashed, "漏巡区域"), (border, "单位辖区界线")]
    drawn = []
    for index, (symbol, text) in enumerate(entries):
        column, row = index % 4, index // 4
        place = f"{_MARGIN_PX + 14 + column * 218} {height + 52 + row * 28:.0f}"
        drawn.append(f'<g transform="translate({place})">{symbol}<text x="16" y="5" font-size="14">{text}</text></g>')
    return "".join(drawn)
