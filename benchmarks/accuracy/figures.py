"""The page's figures: reliability of the probability, and object F1 of every method with its interval."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

from benchmarks.accuracy.ours import NAME  # noqa: E402

DPI = 80


def draw(results: dict[str, Any], target: Path) -> list[str]:
    """Write reliability.png and objects.png into ``target`` where there is something to show; returns their names."""
    written = []
    curves = [row for row in results["calibration"] if row["objects"]]
    if curves:
        figure, axes = plt.subplots(figsize=(5.0, 4.4))
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for row in curves:
            said, right = ([one[name] for one in row["bins"]] for name in ("said", "right"))
            axes.plot(said, right, marker="o", label=f"{row['name']} ({row['objects']} objects)")
        axes.set(xlabel="probability said", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
        axes.legend(loc="upper left", fontsize=8)
        written.append(_save(figure, target / "reliability.png"))
    sets = [one for one in results["sets"] if one["labelled"] and one["methods"]]
    if sets:
        figure, axes = plt.subplots(figsize=(8.0, 0.9 + 0.28 * sum(len(one["methods"]) for one in sets)))
        lines = [(one["name"], row) for one in sets for row in one["methods"]]
        for at, (_, row) in enumerate(lines):
            value, interval = row["figures"]["object_f1"] or 0.0, row["intervals"]["object_f1"]
            colour = "tab:red" if row["method"].startswith(NAME) else "tab:blue"
            axes.plot(value, at, marker="o", color=colour)
            if interval:
                axes.plot(interval, [at, at], color=colour, linewidth=2)
        axes.set_yticks(range(len(lines)), [f"{name}: {row['method']}" for name, row in lines], fontsize=7)
        axes.invert_yaxis()
        axes.set(xlabel="object F1, 95 % interval over places", xlim=(0, 1))
        axes.grid(axis="x", color="0.9")
        written.append(_save(figure, target / "objects.png"))
    return written


def _save(figure: Any, path: Path) -> str:
    figure.tight_layout()
    figure.savefig(path, dpi=DPI, metadata={"Software": None})
    plt.close(figure)
    return path.name
