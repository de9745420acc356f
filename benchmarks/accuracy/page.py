"""The page docs/ACCURACY.md, written from the measured results alone; what people saw and tried is put in beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.accuracy import goals
from benchmarks.accuracy.markdown import cell, number, table
from benchmarks.accuracy.ours import NAME

HEAD = """# Accuracy

Written by `python -m benchmarks.accuracy`; the same figures with more digits are in `accuracy/accuracy.json`. Ours is
what `xuncha compare` and `xuncha detect` write, read back from their files. Everything that finds is 疑似, a clue, and
is counted as such. All thresholds were fixed before scoring. Weights set by hand were chosen by people who had seen
the seven Sentinel-2 pairs and the six 0.5 m pairs, so those two sets flatter us; the peers have no such choice.

How it is counted: a labelled object of at least ten pixels is found when 30 % of it is covered; a drawn object of at
least ten pixels is right when 30 % of it lies in labels of any size. Counts are added up over places, average precision
is the mean over places, and brackets hold the 95 % interval of a bootstrap over places (1000 draws; none below three
places). Area error: median over found objects of the difference between what was drawn for it and its label, a drawn
object belonging to the label it shares most with. Interval holds: share of these objects whose label lies in the
interval that the product tells of such an area (`area_error.yaml`, meant to hold four of five). On images finer than
4 m the peers' masks are cleaned to 40 m².
Where the images lack near infrared or SWIR, the two peers of the ruler get red again and a constant instead.
"""
COLUMNS = (
    ("pixel P", "pixel_precision"), ("pixel R", "pixel_recall"), ("pixel F1", "pixel_f1"),
    ("object P", "object_precision"), ("object R", "object_recall"), ("object F1", "object_f1"),
    ("mean AP", "average_precision"), ("false / 100 km²", "false_per_100km2"), ("area error", "area_error"),
    ("≥ 5,000 m²", "area_error_large"), ("area bias", "area_bias"),
    ("interval holds", "area_holds"),
)  # fmt: skip
WITH_INTERVAL = ("pixel_f1", "object_f1", "average_precision", "false_per_100km2")
CITY_COLUMNS = (
    ("method", "method"), ("alerts", "alerts"), ("sites", "sites"), ("found", "found"), ("recall", "recall"),
    ("95 %", "recall interval"), ("precision", "precision"), ("95 %", "precision interval"),
    ("false / 100 km² farmland / month", "false/100km2/month"),
    ("median lag, months", "median lag"), ("first seen − onset, days", "first_seen - onset, days"),
    ("interval holds onset", "interval holds onset"),
)  # fmt: skip


def page(results: dict[str, Any], *, seen: str, attempts: str) -> str:
    """The whole page; ``seen`` and ``attempts``: what people wrote about pictures and about what was missed."""
    parts = [HEAD, _failed(results), "## Floors and targets\n", goals.table(results)]
    labelled = [one for one in results["sets"] if one["labelled"]]
    quiet = [one for one in results["sets"] if not one["labelled"]]
    if labelled:
        parts += ["## Labelled pairs\n", *map(_set, labelled)]
        parts += ["![Object F1 by set and method](accuracy/objects.png)\n", _calibration(results)]
    if quiet:
        parts += ["## Pairs in which nothing was built\n", "Every alarm is false.\n", *map(_quiet, quiet)]
    if results["series"]:
        parts.append(_series(results["series"]))
    if results["cities"]:
        parts += ["## Synthetic cities\n", CITY_HEAD, *map(_city, results["cities"])]
    if results["all_cities"]:
        parts += ["### All these cities together\n", _city_rows(results["all_cities"])]
    if results["pictures"]:
        parts += [PICTURES_HEAD, *(f"![{one['set']}]({one['file']})\n" for one in results["pictures"])]
    if results["absent"]:
        parts.append("Peers not run here: " + "; ".join(results["absent"]) + ".\n")
    return "\n".join(part for part in [*parts, attempts, seen] if part)


def _failed(results: dict[str, Any]) -> str:
    if not results["failures"]:
        return ""
    return "**Not measured, because it failed:**\n\n" + "".join(f"- {line}\n" for line in results["failures"])


def _set(one: dict[str, Any]) -> str:
    head = f"### {one['name']}: {one['title']} ({_count(one['places'], 'place')})\n\n"
    rows = []
    for row in one["methods"]:
        cells = [_method(row, one)]
        for _, name in COLUMNS:
            text = number(row["figures"][name], name)
            interval = row["intervals"][name]
            if name in WITH_INTERVAL and interval:
                text += f" [{number(interval[0], name)}, {number(interval[1], name)}]"
            cells.append(text)
        rows.append(cells)
    text = head + table(["method", *(title for title, _ in COLUMNS)], rows) + "\n" + _sizes(one) + _places(one)
    for row in one["methods"]:
        for place, reason in row.get("refused", {}).items():
            text += f"- refused, and counted as nothing found: {place} ({row['method']}): {reason}\n"
    return text


def _method(row: dict[str, Any], one: dict[str, Any]) -> str:
    return row["method"] if row["places"] == one["places"] else f"{row['method']} ({row['places']} of {one['places']})"


def _count(number_of: int, what: str) -> str:
    return f"{number_of} {what}" if number_of == 1 else f"{number_of} {what}s"


def _sizes(one: dict[str, Any]) -> str:
    methods = [row for row in one["methods"] if row["by_size"]]
    if not methods:
        return ""
    classes = methods[0]["by_size"]
    titles = [f"{_class(part)} ({part['objects']})" for part in classes]
    rows = [
        [row["method"], *(f"{part['found'] / part['objects']:.2f}" for part in row["by_size"])]
        for row in methods if len(row["by_size"]) == len(classes)
    ]  # fmt: skip
    return "Recall by size of the labelled object, m² (objects):\n\n" + table(["method", *titles], rows) + "\n"


def _class(part: dict[str, Any]) -> str:
    low = f"{part['from_m2']:,.0f}"
    return f"≥ {low}" if part["to_m2"] is None else f"{low} to {part['to_m2']:,.0f}"


def _places(one: dict[str, Any]) -> str:
    """Our line for every place."""
    own = next((row for row in one["methods"] if row["method"] == NAME), None)
    if own is None:
        return ""
    rows = [
        [place, *(f"{line[name]:.0f}" for name in ("labelled", "found", "said", "right")),
         number(line["pixel_f1"]), number(line["average_precision"])]
        for place, line in own["per_place"].items()
    ]  # fmt: skip
    titles = ["place", "labelled", "found", "drawn", "right", "pixel F1", "AP"]
    return f"`{NAME}` by place:\n\n" + table(titles, rows) + "\n"


def _quiet(one: dict[str, Any]) -> str:
    rows = []
    for row in one["methods"]:
        lines = row["per_place"].values()
        rate, interval = row["figures"]["false_per_100km2"], row["intervals"]["false_per_100km2"]
        text = number(rate, "false_per_100km2")
        if interval:
            text += f" [{number(interval[0], 'false_per_100km2')}, {number(interval[1], 'false_per_100km2')}]"
        rows.append([_method(row, one), f"{sum(line['said'] - line['right'] for line in lines):.0f}", text])
    km2 = sum(line["km2"] for line in one["methods"][0]["per_place"].values()) if one["methods"] else 0.0
    head = f"### {one['name']}: {one['title']} ({_count(one['places'], 'pair')}, {km2:.1f} km² in all)\n\n"
    text = head + table(["method", "objects", "false / 100 km²"], rows)
    for row in one["methods"]:
        for place, reason in row.get("refused", {}).items():
            text += f"\n- refused, and counted as nothing found: {place} ({row['method']}): {reason}"
    return text + "\n"


def _calibration(results: dict[str, Any]) -> str:
    rows = []
    for one in results["sets"]:
        rows += [[f"{one['name']}, {row['method']}", *_calibrated(row["calibration"], row["calibration_intervals"])]
                 for row in one["methods"] if one["labelled"] and "calibration" in row]  # fmt: skip
    rows += [[row["name"], *_calibrated(row, row["intervals"])] for row in results["calibration"]]
    head = (
        "### Calibration\n\nCandidate objects with a probability of at least .05, those listed as unlikely among them; "
        "ECE over ten bins of equal count.\n\n"
    )
    return (
        head
        + table(["set", "objects", "right", "ECE", "Brier skill"], rows)
        + "\n![Reliability](accuracy/reliability.png)\n"
    )


def _calibrated(row: dict[str, Any], spread: dict[str, Any]) -> list[str]:
    cells = [str(row["objects"]), str(row["right"])]
    for name in ("ece", "brier_skill"):
        text, interval = number(row[name]), spread[name]
        cells.append(f"{text} [{number(interval[0])}, {number(interval[1])}]" if interval else text)
    return cells


def _series(rows: Sequence[dict[str, Any]]) -> str:
    head = (
        "## A real series of NDVI in which nothing was built\n\nSlovenia, 1 km², 2015 to 2017, and the same series with "
        "40 squares of 50 m made bare from a drawn day on. One square kilometre: one object is 100 per 100 km².\n\n"
    )
    titles = ["method", "false / 100 km² / month", "squares", "found", "median lag, months"]
    names = ("method", "false/100km2/month", "squares", "found", "median lag")
    return head + table(titles, [[cell(row[name]) for name in names] for row in rows])


CITY_HEAD = """Farmland is what the land-use layer calls so. A site counts from 2,000 m² of farmland on and when it begins in the
judged months; an alert finds it when it covers a fifth of it or lies on it by half. Early: everything the product hands
on in a month; confirmed: what the monitor calls so. The lag counts from the first clear view after the onset.
"""


PICTURES_HEAD = """## Pictures

Before, after, and after with the label (light blue) and what was drawn (red); the best found, the largest missed and the
surest false objects. Only of sets whose terms allow to publish them.
"""


def _city_rows(rows: Sequence[dict[str, Any]]) -> str:
    titles = [title for title, _ in CITY_COLUMNS]
    return table(titles, [[cell(row.get(name)) for _, name in CITY_COLUMNS] for row in rows]) + "\n"


def _city(city: dict[str, Any]) -> str:
    head = f"### {city['name']} ({city['months']} months, {city['farmland_km2']:.2f} km² of farmland)\n\n"
    text = head + _city_rows(city["rows"])
    titles = ["source", "profile", "sites", "median area error", "bias", "sites ≥ 5,000 m²", "error"]
    rows = [[row["source"], row["profile"], str(row["sites"]), number(row["median_error"]), number(row["median_bias"]),
             str(row["large_sites"]), number(row["median_error_large"])] for row in city["area"]]  # fmt: skip
    text += (
        "Area of a site's first alert against its ground on the day of the alert's image:\n\n"
        + table(titles, rows)
        + "\n"
    )
    for source, stages in city["stages"].items():
        if not stages["objects"]:
            continue
        said, true = (sorted({row[part] for row in stages["confusion"]}) for part in ("said", "true"))
        counts = {(row["true"], row["said"]): row["count"] for row in stages["confusion"]}
        rows = [[one, *(str(counts.get((one, other), 0)) for other in said)] for one in true]
        text += (f"Stage in truth (rows) and as said (columns), first alerts of {source}; of {stages['named']} with a stage "
                 f"{number(stages['agree'])} agree:\n\n") + table(["", *said], rows) + "\n"  # fmt: skip
    return text
