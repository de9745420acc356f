"""What the figures have to reach: floors and targets of every set, beside what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.accuracy import markdown
from benchmarks.accuracy.ours import NAME, TRAINED

PEER = "CVA+Otsu"


@dataclass(frozen=True)
class Goal:
    """A figure of one of our methods on a set; ``relative``: floor and target are shares of the peer's figure."""

    group: str
    method: str
    figure: str
    floor: float
    target: float
    lower_is_better: bool = False
    relative: bool = False


GOALS = (
    Goal("s2_urban_change", NAME, "pixel_f1", 0.44, 0.50),
    Goal("s2_urban_change", NAME, "object_f1", 0.46, 0.54),
    Goal("s2_urban_change", NAME, "average_precision", 0.33, 0.40),
    Goal("s2_urban_change", NAME, "false_per_100km2", 130.0, 80.0, lower_is_better=True),
    Goal("s2_urban_change", NAME, "area_error_large", 0.25, 0.15, lower_is_better=True),
    Goal("s2_urban_change", TRAINED, "pixel_f1", 0.50, 0.57),
    Goal("s2_urban_change", TRAINED, "object_f1", 0.50, 0.60),
    Goal("s2_urban_change", TRAINED, "average_precision", 0.40, 0.50),
    Goal("s2_urban_change", TRAINED, "false_per_100km2", 90.0, 50.0, lower_is_better=True),
    Goal("vhr_buildings", NAME, "pixel_f1", 0.32, 0.42),
    Goal("vhr_buildings", NAME, "object_f1", 0.50, 0.60),
    Goal("vhr_buildings", NAME, "area_error", 0.15, 0.08, lower_is_better=True),
    Goal("vhr_buildings", TRAINED, "pixel_f1", 0.56, 0.68),
    Goal("vhr_buildings", TRAINED, "object_f1", 0.72, 0.82),
    Goal("naip_no_construction", NAME, "false_per_100km2", 0.25, 0.05, lower_is_better=True, relative=True),
    Goal("tisza", NAME, "false_per_100km2", 0.25, 0.05, lower_is_better=True, relative=True),
    Goal("s2_slovenia_series", NAME, "false_per_100km2", 0.25, 0.05, lower_is_better=True, relative=True),
)
CITY_GOALS = (
    ("early", "precision", 0.45, 0.60, False), ("early", "recall", 0.80, 0.90, False),
    ("early", "median lag", 1.0, 1.0, True), ("early", "false/100km2/month", 30.0, 10.0, True),
    ("confirmed", "precision", 0.80, 0.92, False), ("confirmed", "recall", 0.70, 0.85, False),
    ("confirmed", "false/100km2/month", 4.0, 1.0, True),
)  # fmt: skip
CALIBRATION_GOALS = (("ece", 0.07, 0.04, True), ("brier_skill", 0.10, 0.25, False))


def rows(results: dict[str, Any]) -> list[dict[str, Any]]:
    """What was measured beside each floor and target; goals of sets and methods that were not run are left out."""
    found = []
    methods = {(one["name"], row["method"]): row["figures"] for one in results["sets"] for row in one["methods"]}
    for goal in GOALS:
        own, peer = methods.get((goal.group, goal.method)), methods.get((goal.group, PEER))
        if own is None or (goal.relative and peer is None):
            continue
        times = float(peer[goal.figure] or 0.0) if goal.relative and peer is not None else 1.0
        found.append(_row(f"{goal.group}, {goal.method}", goal.figure, own[goal.figure], goal.floor * times,
                          goal.target * times, goal.lower_is_better))  # fmt: skip
    for one in results["calibration"][:1]:
        found += [_row(one["name"], name, one[name], floor, target, lower)
                  for name, floor, target, lower in CALIBRATION_GOALS]  # fmt: skip
    for city in results["cities"]:
        lines = {row["level"]: row for row in city["rows"] if row.get("level")}
        found += [_row(f"city {city['name']}, {level}", name, lines[level][name], floor, target, lower)
                  for level, name, floor, target, lower in CITY_GOALS if level in lines]  # fmt: skip
    return found


def _row(what: str, figure: str, value: float | None, floor: float, target: float, lower: bool) -> dict[str, Any]:
    def reached(level: float) -> bool:
        return value is not None and (value <= level if lower else value >= level)

    verdict = "target" if reached(target) else "floor" if reached(floor) else "missed"
    return {"what": what, "figure": figure, "value": value, "floor": floor, "target": target, "verdict": verdict}


def table(results: dict[str, Any]) -> str:
    """The Markdown table of :func:`rows`."""
    lines = []
    for row in rows(results):
        name = "false_per_100km2" if row["floor"] > 1.0 else ""
        lines.append([row["what"], row["figure"].replace("_", " "),
                      *(markdown.number(row[part], name) for part in ("value", "floor", "target")), row["verdict"]])  # fmt: skip
    return markdown.table(["what", "figure", "measured", "floor", "target", "reached"], lines)
