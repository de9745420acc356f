"""Where the reader is known to fall short of a careful clerk, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Open:
    """`why` it is left so; `tolerated`: lines of `broken_promises` that the reader may not yet keep."""

    why: str
    tolerated: tuple[str, ...] = ()


OPEN = {
    "file-other-city": Open(
        "the file is listed and speaks for nobody, but its rows are kept: a wrong guess must lose nothing"
    ),
    "file-other-city-title": Open("as file-other-city: listed, rows kept"),
    "blind-day-two-of-one-finding": Open(
        "two days in one cell, each with its own verb: listed rather than chosen from"
    ),
    "blind-format-excel-2003-xml": Open("XML Spreadsheet 2003 is listed with how to save it"),
}
