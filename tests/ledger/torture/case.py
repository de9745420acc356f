"""What a torture case is: some small files and what a careful clerk would make of them, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

UNIT = "青石镇"
OTHER_UNIT = "柳河镇"
PERIOD = "2026-05"
AS_OF = "2026-06-05"
# The city lies around this point; villages of the ledgers are real places of its gazetteer.
CENTRE = (114.51, 34.51)

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Finding:
    """One suspected violation as the clerk would copy it out.

    `on` is a day or `first/last`; None where nobody can say. A tuple lists equally acceptable readings. `lonlat` is the
    position as written, in degrees of whatever datum the writer used; None = none written, or none that can be used.
    The stated area and target id are compared only where the clerk's are given.
    """

    on: str | None
    subject: str | tuple[str, ...] | None
    place: str | tuple[str, ...] | None
    lonlat: tuple[float, float] | None = None
    area_m2: float | None = None
    target: str | None = None


@dataclass(frozen=True)
class Case:
    """Files of one unit (paths below ledgers/, `unit/file`) and the clerk's reading.

    `effort` counts patrol rows that found nothing, `days` are their days in order (not compared when empty). `rows` are
    the kinds of reason of the rows that must be listed as not usable, `files` the same for whole files: path -> kind.
    `never` are texts that may stand in no subject or place. A finding whose day cannot be told is kept without a day and
    its date cell is listed.

    Row kinds: date, position, copy, superseded. A title, total, signature or example may be listed as no entry or passed over.
    File kinds: locked, old_format, scan, damaged, bomb, unsafe, not_a_ledger, nothing_in_it, elsewhere, copy,
    unsaved. A part that is no ledger (instructions, contacts) may be listed as such where `asides` says so.
    """

    name: str
    hard: str
    make: Callable[[], Files]
    findings: tuple[Finding, ...] = ()
    effort: int = 0
    days: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    never: tuple[str, ...] = ()
    asides: bool = False
