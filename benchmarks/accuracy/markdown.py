"""Figures and tables as the page prints them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def number(value: float | None, name: str = "") -> str:
    """A figure as the page prints it; a dash where it is undefined."""
    if value is None:
        return "–"
    return f"{value:.0f}" if name == "false_per_100km2" else f"{value:.3f}"


def cell(value: Any) -> str:
    """Any value of a row: whole numbers without decimals, others with two, a dash for none."""
    if value is None:
        return "–"
    if isinstance(value, list):
        return "[" + ", ".join(f"{one:.2f}" for one in value) + "]"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if value.is_integer() else f"{value:.2f}"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [list(titles), ["---"] * len(titles), *map(list, rows)]
    return "".join("| " + " | ".join(text.replace("|", "\\|") for text in line) + " |\n" for line in lines)
