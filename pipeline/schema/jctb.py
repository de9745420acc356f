"""The field names of the national table of monitored patches (监测图斑, JCTB)."""

from __future__ import annotations

JCTB_FIELDS: dict[str, str] = {
    "target_id": "JCBH",
    "stage": "TBLX",
    "county_code": "XZQDM",
    "area_m2": "JCMJ",
    "last_clear": "QSX",
    "first_seen": "HSX",
    "x": "XZB",
    "y": "YZB",
    "land_class": "BGDL",
}
