"""Files that are generated from the code; ``make docs`` writes them, a test keeps them in step."""

from __future__ import annotations

import sys
from pathlib import Path

from pipeline.config import commented_yaml
from pipeline.errors import CODES
from pipeline.schema import Table

REPOSITORY = Path(__file__).resolve().parent.parent
_HUNDREDS = {
    "1": "Configuration and command line",
    "2": "Imagery",
    "3": "Layers",
    "4": "Units, cells, people, plans, records",
    "5": "Ledgers and tracks",
    "6": "Runs",
    "7": "Machine",
    "8": "Trained models",
}


def error_codes() -> str:
    """The page of error codes."""
    lines = [
        "# Error codes",
        "",
        "Generated from `pipeline/errors.py` by `make docs`. Every message names the place and what to do.",
        "Exit code 2: the input is wrong and nothing was written. Exit code 1: a stage could not finish, finished",
        "parts are kept and the same command resumes. Codes printed with a rejected file or row stop nothing: the",
        "row is kept in `rejected.parquet` with its reason.",
    ]
    for digit, title in _HUNDREDS.items():
        lines += ["", f"## {title}", "", "| code | meaning |", "|---|---|"]
        lines += [f"| {code} | {meaning} |" for code, meaning in sorted(CODES.items()) if code[1] == digit]
    return "\n".join(lines) + "\n"


def tables() -> str:
    """The page of table columns."""
    from pipeline import schema

    lines = ["# Tables", "", "Generated from `pipeline/schema` by `make docs`. `?`: may be missing in a row."]
    for table in vars(schema).values():
        if not isinstance(table, Table):
            continue
        shape = ", with geometry" if table.geometry else ""
        lines += [
            "",
            f"## {table.name}",
            "",
            f"Key: {', '.join(table.key)}{shape}.",
            "",
            "| column | kind | 中文 |",
            "|---|---|---|",
        ]
        for column in table.columns:
            unit = f" ({column.unit})" if column.unit else ""
            lines.append(f"| {column.name}{'?' if column.null else ''} | {column.kind} | {column.label}{unit} |")
    return "\n".join(lines) + "\n"


def pages() -> dict[Path, str]:
    """Every generated file and its text."""
    return {
        REPOSITORY / "docs" / "error-codes.md": error_codes(),
        REPOSITORY / "docs" / "tables.md": tables(),
        REPOSITORY / "configs" / "default.yaml": commented_yaml(),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        if "--write" in sys.argv:
            path.write_text(text, encoding="utf-8", newline="\n")
        print(path.relative_to(REPOSITORY))
