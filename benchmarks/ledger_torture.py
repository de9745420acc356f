"""What the ledger reader makes of the torture set, case by case, beside what a careful clerk would.

usage: python -m benchmarks.ledger_torture [--only TEXT] [--wrong]

Printed is one line per case (name, what is hard, expected, got, agrees), what differs below it, and the sums.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from tests.ledger.torture import CASES
from tests.ledger.torture.case import Case
from tests.ledger.torture.reading import Got, disagreements, draw_city, read_case


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", default="", help="only cases whose name contains this")
    arguments.add_argument("--wrong", action="store_true", help="only cases that disagree")
    chosen = arguments.parse_args()
    agreed: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    print("| case | what is hard | expected | got | agrees |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        city = Path(folder) / "city"
        draw_city(city)
        for case in (case for case in CASES if chosen.only in case.name):
            got, wrong = _read(case, city)
            group = case.name.split("-")[0]
            asked[group] += 1
            agreed[group] += not wrong
            if wrong or not chosen.wrong:
                print(f"| {case.name} | {_cell(case.hard)} | {_expected(case)} | {got} | {'no' if wrong else 'yes'} |")
                print("".join(f"  - {_cell(line)}\n" for line in wrong), end="")
    print(f"\nagree: {agreed.total()} of {asked.total()}")
    print(", ".join(f"{group} {agreed[group]}/{asked[group]}" for group in sorted(asked)))


def _read(case: Case, city: Path) -> tuple[str, list[str]]:
    try:
        got = read_case(case, city)
    except Exception as problem:  # a crash of the reader is a result of this table
        return "crash", [f"{type(problem).__name__}: {problem}"]
    return _summary(got), disagreements(case, got)


def _expected(case: Case) -> str:
    return _counted(len(case.findings), case.effort, len(case.rows), len(case.files))


def _summary(got: Got) -> str:
    return _counted(len(got.findings), len(got.effort_days), len(got.rows) + got.later, len(got.files))


def _counted(findings: int, effort: int, rows: int, files: int) -> str:
    return f"{findings} found, {effort} nothing, {rows} rows and {files} files listed"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "/")


if __name__ == "__main__":
    main()
