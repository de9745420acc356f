"""Land class codes (地类编码) of two editions: four digits since 2017, three digits in 2007, told apart and translated."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import InputError
from pipeline.rulebook import RULES_FOLDER, Dated, rule_on

FILE = "land_codes_2007.yaml"
NEW, OLD, MIXED = "2017", "2007", "mixed"


class Successors(Dated):
    """What codes of 2007 are called today: ``codes`` with one successor, ``without_successor`` with several or none."""

    codes: dict[str, str]
    without_successor: dict[str, str]


@cache
def load_successors(folder: Path = RULES_FOLDER) -> Successors:
    """Read ``land_codes_2007.yaml``; raises InputError E306."""
    return rule_on(Successors, FILE, date.max, folder)


def read_codes(where: str, given: pd.Series, successors: Successors) -> tuple[pd.Series, dict[str, Any]]:
    """Codes as text in today's edition, null where nothing is given, and what the report says of the editions.

    Numbers lost their leading zero, so that 203 may be an orchard (0203) or a village (203 of 2007): the layer's other
    numbers decide. Text without any leading zero is numbers written as text. What is no code at all is null, and its
    rows are counted as ``other_rows``. Raises InputError E308 when the editions cannot be told apart, or when both
    stand among numbers.
    """
    which, different = pd.factorize(given)
    # what is missing has place -1, the last
    told = np.array([*map(_plain, different), None], dtype=object)
    text = pd.Series(told[which], index=given.index, dtype="str")
    numbers = pd.Series(np.array([*map(_is_number, different), False], dtype=bool)[which], index=given.index)
    if not numbers.any() and _zeros_lost(text.dropna()):
        numbers = text.notna() & text.fillna("").str.isdigit()
    if numbers.any():
        text = text.where(~numbers, _restored(where, text, numbers))
    stated = text.dropna()
    old = stated[stated.str.fullmatch(r"\d{3}[A-Z]?")]
    new = stated[stated.str.fullmatch(r"\d{2}(\d{2}|[A-Z]\d)[A-Z]?")]
    known = old[old.str[:3].isin(successors.codes)]
    codes = text.fillna("").str.match(r"\d{2}")
    translated = text.where(codes, None)
    translated.loc[known.index] = known.str[:3].map(successors.codes) + known.str[3:]
    kept = old.drop(known.index)
    report = {
        "edition": (MIXED if len(new) else OLD) if len(old) else NEW,
        "old_rows": len(old),
        "new_rows": len(new),
        "other_rows": len(stated) - len(old) - len(new),
        "translated": [
            {"code": code, "to": successors.codes[code], "rows": int(rows)}
            for code, rows in known.str[:3].value_counts().sort_index().items()
        ],
        "kept": [
            {"code": code, "rows": int(rows), "reason": successors.without_successor.get(code[:3], "对照表中没有")}
            for code, rows in kept.value_counts().sort_index().items()
        ],
    }
    return translated, report


def _plain(value: Any) -> str | None:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, int | float | np.integer | np.floating):
        return str(int(value)) if float(value).is_integer() else str(value)
    plain = unicodedata.normalize("NFKC", str(value)).strip().upper()
    return re.sub(r"^(\d+)\.0+$", r"\1", plain) or None


def _zeros_lost(stated: pd.Series) -> bool:
    """Whether short codes occur and none begins with a zero: 103 beside 1006 is 0103, not the street of 2007."""
    digits = stated[stated.str.isdigit()]
    return 3 in set(digits.str.len()) and not digits.str.startswith("0").any()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not np.isnan(value)


def _restored(where: str, text: pd.Series, numbers: pd.Series) -> pd.Series:
    """Numbers with their leading zero: to four digits when any has four, to three when any has two."""
    lengths = set(text[numbers].str.len())
    if 4 in lengths and 2 not in lengths:
        return text.str.zfill(4)
    if 2 in lengths and 4 not in lengths:
        return text.str.zfill(3)
    seen = ", ".join(sorted(set(text[numbers]))[:8])
    raise InputError(
        "E308",
        f"{where}: the codes are numbers ({seen}), and their leading zeros are lost",
        "deliver DLBM as text, 0101 or 011",
    )
