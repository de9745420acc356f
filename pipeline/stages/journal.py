"""The city's journal: append-only JSON lines, each carrying the hash of the one before it.

Clock times, hosts, users and seconds live here and nowhere else.
"""

from __future__ import annotations

import getpass
import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.store import digest_bytes

NAME = "journal.jsonl"
_START = "0" * 64


def append(city: Path, **event: Any) -> None:
    """Add one event to ``city/journal.jsonl``; values must be JSON."""
    path = city / NAME
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    record = {
        "n": len(lines) + 1,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "user": _user(),
        "version": __version__,
        "previous": json.loads(lines[-1])["hash"] if lines else _START,
        **event,
    }
    record["hash"] = _hash(record)
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(record, ensure_ascii=False, sort_keys=True) + "\n")


def problems(city: Path) -> list[str]:
    """What is wrong with the journal's chain; empty when it is whole."""
    path = city / NAME
    if not path.exists():
        return [f"{NAME} is missing"]
    found, previous = [], _START
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            record = json.loads(line)
            claimed = record.pop("hash")
        except (ValueError, KeyError):
            found.append(f"{NAME} line {number} is not a journal line")
            continue
        if claimed != _hash(record):
            found.append(f"{NAME} line {number} was changed")
        if record.get("previous") != previous or record.get("n") != number:
            found.append(f"{NAME} line {number} does not follow the line before it")
        previous = claimed
    return found


def _hash(record: dict[str, Any]) -> str:
    return digest_bytes(json.dumps(record, ensure_ascii=False, sort_keys=True).encode("utf-8"))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
