"""Where an entry of a ledger stands: file, sheet and row beside its id, because people look for the row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

import pandas as pd

_LEDGERS = "ledgers/"
# as pipeline.ledger.items.Item.entry_id writes them: unit, twelve letters, item
_ENTRY_ID = re.compile(r"(?<![0-9A-Za-z_-])[^\s、，；：（）“”]+-[a-hjkmnp-s]{12}-\d+(?!\d)")


def entry_places(entries: pd.DataFrame, superseded: pd.DataFrame) -> dict[str, str]:
    """Entry id (ENTRIES, SUPERSEDED) to "file〔sheet〕第n行", with the item where the row holds several.

    The file is named below ``ledgers/``, its unit's folder first.
    """
    columns = ["entry_id", "file", "sheet", "row", "item"]
    rows = pd.concat([entries[columns], superseded[columns]], ignore_index=True)
    items = Counter(zip(rows["file"], rows["sheet"], rows["row"], strict=True))
    places: dict[str, str] = {}
    for entry_id, file, sheet, row, item in rows.itertuples(index=False, name=None):
        which = f"第{item}项" if items[file, sheet, row] > 1 else ""
        places.setdefault(str(entry_id), f"{str(file).removeprefix(_LEDGERS)}〔{sheet}〕第{row}行{which}")
    return places


def places_of(ids: pd.Series, places: Mapping[str, str]) -> pd.Series:
    """The places of entry ids, of several between 、 one per line; ids of no known row stay empty."""
    told = [
        "\n".join(places[part] for part in value.split("、") if part in places) or None
        if isinstance(value, str)
        else None
        for value in ids
    ]
    return pd.Series(told, index=ids.index, dtype="str")


def with_places(texts: pd.Series, places: Mapping[str, str]) -> pd.Series:
    """Sentences with the place behind the first mention of every entry id in them."""
    told = [text_with_places(text, places) if isinstance(text, str) else None for text in texts]
    return pd.Series(told, index=texts.index, dtype="str")


def text_with_places(text: str, places: Mapping[str, str]) -> str:
    """One sentence as :func:`with_places` writes it."""
    said: set[str] = set()

    def placed(found: re.Match[str]) -> str:
        name = found[0]
        if name in said or name not in places:
            return name
        said.add(name)
        return f"{name}（{places[name]}）"

    return _ENTRY_ID.sub(placed, text)
