"""A new city folder: the commented configuration and the tables it expects, with headings and no rows."""

from __future__ import annotations

from pathlib import Path

from pipeline import schema
from pipeline.config import commented_yaml
from pipeline.errors import InputError
from pipeline.stages.guard import require_writable
from pipeline.store import write_bytes

FOLDERS = ("scenes/s2", "layers", "units", "ledgers", "tracks", "records/decisions")
_UNIT_TABLES = (schema.PEOPLE, schema.RESPONSIBILITY, schema.DELEGATIONS, schema.PLAN)
_RECORD_TABLES = {
    "dispatches": schema.DISPATCHES,
    "field_checks": schema.FIELD_CHECKS,
    "approvals": schema.APPROVAL_RECORDS,
    "notices": schema.NOTICES,
    "referrals": schema.REFERRAL_RECORDS,
    "decisions": schema.DECISIONS,
}


def init_city(folder: Path) -> list[Path]:
    """Write what is missing of a city folder and return it; an existing config.yaml is never overwritten (E101)."""
    config = folder / "config.yaml"
    if config.exists():
        raise InputError("E101", f"{config} exists already", "choose an empty folder, or edit the existing file")
    require_writable(folder)
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    tables = {f"units/{table.name}.csv": table for table in _UNIT_TABLES}
    tables |= {f"records/{name}.csv": table for name, table in _RECORD_TABLES.items()}
    written = []
    for name, table in tables.items():
        if not (folder / name).exists():
            heading = ",".join(column.label for column in table.columns) + "\r\n"
            write_bytes(folder / name, heading.encode("utf-8-sig"))
            written.append(folder / name)
    write_bytes(config, commented_yaml().encode("utf-8"))
    return [config, *written]
