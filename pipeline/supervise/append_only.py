"""How a history grows: what earlier periods wrote stays word for word, what they lack is added with the next numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LATE = "（补记）"


def added(
    key: str,
    name: str,
    before: list[dict[Any, Any]],
    replayed: list[dict[str, Any]],
    period: str,
    news: Sequence[dict[str, Any]] = (),
) -> list[dict[str, Any]]:
    """The rows that earlier periods do not have yet, numbered on; what is older than a known row is marked 补记.

    ``key``: the column that holds ``name``; ``before``: its rows of earlier periods; ``replayed``: all that is known
    today, of which only what no row says yet is added; ``news``: what came in this period, though it came once before.
    """
    known = {(row["source"], row["event"].removesuffix(LATE)) for row in before}
    number = max((int(row["number"]) for row in before), default=0)
    latest = max((row["day"] for row in before), default=None)
    fresh = []
    for again, row in sorted([*((False, row) for row in replayed), *((True, row) for row in news)], key=_day):
        if not again and (row["source"], row["event"]) in known:
            continue
        known.add((row["source"], row["event"]))
        number += 1
        late = LATE if latest is not None and row["day"] < latest else ""
        fresh.append({**row, "event": row["event"] + late, key: name, "number": number, "recorded_in": period})
    return fresh


def _day(pair: tuple[bool, dict[str, Any]]) -> Any:
    return pair[1]["day"]
