"""What a deliverable's recipient may read about people: names, telephone and identity numbers are hidden in any text.

The recipients and what each needs are data (``pipeline/rules/personal_data.yaml``). Hidden numbers keep enough to be
recognised by whoever holds the original (138****1234), hidden names their first character (张**).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from pipeline.report.package import Package
from pipeline.report.sheets import Sheet
from pipeline.report.tables import MonthTables

Names = Literal["all", "own_unit", "none"]
Numbers = Literal["whole", "masked"]
Tracks = Literal["all", "none"]

# Digits as a clerk may type them: full width ones count, and blanks or hyphens may stand between groups.
_NARROW = str.maketrans("０１２３４５６７８９－＋Ｘｘ　", "0123456789-+Xx ")
_GAP = r"[ \-\u2010-\u2014\u00a0]?"
# No digit before or behind, also not of a decimal number; "13800001111.0" is what Excel makes of a number cell.
_OPEN, _CLOSE = r"(?<!\d)(?<!\d\.)", r"(?!\d)(?!\.\d*[1-9])"
_MOBILE = re.compile(rf"{_OPEN}(?:(?:\+|00)?86{_GAP})?(1[3-9]\d)({_GAP}\d{{4}}{_GAP})(\d{{4}}){_CLOSE}")
_LANDLINE = re.compile(rf"{_OPEN}(0\d{{2,3}})([ \-)）]{{1,2}})(\d{{3,4}})(\d{{4}}){_CLOSE}")
_BIRTHDAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
# GB 11643-1999: area 6, birthday 8, serial 3, check 1; the check digit is not asked for, a mistyped number is one too.
_IDENTITY = re.compile(
    rf"{_OPEN}([1-9]\d{{5}})({_GAP}(?:19|20)\d\d{_BIRTHDAY}{_GAP}|\d\d{_BIRTHDAY})(\d{{3}}[\dXx]|\d{{3}})(?![\dXx]){_CLOSE}"
)
_DIGIT = re.compile(r"\d")
# What is called after a person is no person: 王家村, 李明路.
_PLACE = r"(?![村镇乡街路庄屯寨湾组区县市])"
_BETWEEN_NAMES = re.compile(r"[\s、,，;；/／|+和及与（）()]+")
_SHORTEST_NAME, _LONGEST_NAME = 2, 6
_FEWEST_DIGITS = 10


@dataclass(frozen=True)
class Allowance:
    """What one deliverable may hold, as ``personal_data.yaml`` says."""

    names: Names
    phones: Numbers
    id_numbers: Numbers
    tracks: Tracks


@dataclass(frozen=True)
class Redaction:
    """An allowance applied: ``shown`` names stay, ``hidden`` ones are masked, numbers as the allowance says."""

    allowance: Allowance
    shown: frozenset[str]
    hidden: frozenset[str]

    @cached_property
    def _people(self) -> re.Pattern[str] | None:
        # Shown names take part so that a longer one of them is not cut by a hidden shorter one inside it.
        if not self.hidden:
            return None
        ordered = sorted(self.shown | self.hidden, key=lambda name: (-len(name), name))
        return re.compile(f"(?:{'|'.join(map(re.escape, ordered))}){_PLACE}")

    def text(self, text: str) -> str:
        """``text`` with everything hidden that the recipient may not read."""
        result = masked_numbers(
            text, phones=self.allowance.phones == "masked", id_numbers=self.allowance.id_numbers == "masked"
        )
        if self._people is None:
            return result
        return self._people.sub(lambda found: mask_name(found[0]) if found[0] in self.hidden else found[0], result)

    def value(self, value: Any) -> Any:
        """A JSON value with all its texts (not its keys) treated as :meth:`text` does."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list | tuple) else value


def masked_numbers(text: str, *, phones: bool = True, id_numbers: bool = True) -> str:
    """``text`` with the middle digits of telephone and identity numbers as ``*``; all other characters stay.

    Mobile and landline numbers with or without +86, blanks and hyphens, in full or half width; identity numbers of 18
    and 15 places whatever their check digit.
    """
    if sum(letter.isdigit() for letter in text) < _FEWEST_DIGITS:
        return text
    plain = text.translate(_NARROW)
    spans: list[tuple[int, int]] = []
    if id_numbers:
        spans += [found.span(2) for found in _IDENTITY.finditer(plain)]
    if phones:
        spans += [found.span(2) for found in _MOBILE.finditer(plain)]
        spans += [found.span(3) for found in _LANDLINE.finditer(plain)]
    letters = list(text)
    for start, end in spans:
        letters[start:end] = ["*" if letter.isdigit() else letter for letter in letters[start:end]]
    return "".join(letters)


def mask_name(name: str) -> str:
    """A name with only its first character left: 张**."""
    return name[:1] + "*" * (len(name) - 1)


def known_names(people: pd.DataFrame, *ledgers: pd.DataFrame) -> dict[str, frozenset[str]]:
    """Names of people by the unit they belong to, from PEOPLE and from the column ``people`` of ledger tables.

    ``ledgers``: ENTRIES or VISITS; several names in one cell count each.
    """
    found: dict[str, set[str]] = {}
    for frame, column in ((people, "name"), *((ledger, "people") for ledger in ledgers)):
        for unit, text in zip(frame["unit_id"], frame[column], strict=True):
            if isinstance(text, str):
                parts = (part.strip() for part in _BETWEEN_NAMES.split(text))
                names = (part for part in parts if _SHORTEST_NAME <= len(part) <= _LONGEST_NAME)
                found.setdefault(str(unit), set()).update(name for name in names if not _DIGIT.search(name))
    return {unit: frozenset(names) for unit, names in found.items()}


def redaction(allowance: Allowance, names: Mapping[str, Iterable[str]], *, unit_id: str | None = None) -> Redaction:
    """The allowance for a recipient; ``names``: :func:`known_names`, ``unit_id``: the unit that receives the file."""
    everyone = frozenset(name for unit in names for name in names[unit])
    if allowance.names == "all":
        return Redaction(allowance, everyone, frozenset())
    own = frozenset(names.get(unit_id, ())) if allowance.names == "own_unit" and unit_id is not None else frozenset()
    return Redaction(allowance, own, everyone - own)


def redacted_frame(frame: Any, guard: Redaction) -> Any:
    """``frame`` (also a GeoDataFrame) with every text in it treated; numbers, dates and geometry stay."""
    changed = {}
    for column in frame.columns:
        series = frame[column]
        if column == getattr(frame, "_geometry_column_name", None) or series.dtype.kind not in "OTU":
            continue
        treated = [_once(value, guard.text) for value in series.astype("object")]
        changed[column] = pd.Series(treated, index=frame.index, dtype=series.dtype)
    return frame.assign(**changed) if changed else frame


def redacted_sheet(sheet: Sheet, guard: Redaction) -> Sheet:
    """A sheet with its rows and the lines above and below them treated."""
    return replace(
        sheet,
        frame=redacted_frame(sheet.frame, guard),
        title=guard.text(sheet.title),
        note=guard.text(sheet.note),
        signature=guard.text(sheet.signature),
    )


def redacted_package(package: Package, guard: Redaction) -> Package:
    """A unit's package with all its texts treated."""
    sheets = tuple(redacted_sheet(sheet, guard) for sheet in package.sheets)
    return replace(package, sheets=sheets, places=redacted_frame(package.places, guard))


def redacted_month(month: MonthTables, guard: Redaction) -> MonthTables:
    """The month's tables with all their texts treated, telephone numbers of ``people`` and, if need be, tracks gone."""
    tables = {field.name: getattr(month, field.name) for field in fields(month)}
    treated = {name: redacted_frame(value, guard) for name, value in tables.items() if isinstance(value, pd.DataFrame)}
    if guard.allowance.phones == "masked":
        treated["people"] = treated["people"].assign(phone=pd.Series([None] * len(month.people), dtype="str"))
    if guard.allowance.tracks == "none":
        treated["visits"] = treated["visits"].set_geometry([None] * len(month.visits), crs=month.visits.crs)
    return replace(month, **treated)


def _once(value: Any, text: Callable[[str], str]) -> Any:
    return text(value) if isinstance(value, str) else value
