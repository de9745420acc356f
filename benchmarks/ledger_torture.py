"""What the ledger reader makes of the torture sets, case by case, beside what a careful clerk would.

usage: python -m benchmarks.ledger_torture [--set first|blind] [--only TEXT] [--wrong]

Printed is one line per case (set, name, what is hard, expected, got, agrees), what differs below it, and the sums per set.
The set `blind` was committed before its author had opened the reader.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from tests.ledger.torture import SETS
from tests.ledger.torture.case import Case
from tests.ledger.torture.reading import Got, disagreements, draw_city, read_case


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--set", choices=sorted(SETS), help="one set alone")
    arguments.add_argument("--only", default="", help="only cases whose name contains this")
    arguments.add_argument("--wrong", action="store_true", help="only cases that disagree")
    chosen = arguments.parse_args()
    print("| set | case | what is hard | expected | got | agrees |\n|---|---|---|---|---|---|")
    sums = []
    with tempfile.TemporaryDirectory() as folder:
        city = Path(folder) / "city"
        draw_city(city)
        for name, cases in SETS.items():
            if chosen.set in (None, name):
                sums.append(_run(name, [case for case in cases if chosen.only in case.name], city, chosen.wrong))
    print("\n" + "\n".join(sums))


def _run(name: str, cases: list[Case], city: Path, only_wrong: bool) -> str:
    """Print the rows of one set; returns its sums, in all and by the kind of difficulty."""
    agreed: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for case in cases:
        got, wrong = _read(case, city)
        group = case.name.removeprefix(f"{name}-").split("-")[0]
        asked[group] += 1
        agreed[group] += not wrong
        if wrong or not only_wrong:
            verdict = "no" if wrong else "yes"
            print(f"| {name} | {case.name} | {_cell(case.hard)} | {_expected(case)} | {got} | {verdict} |")
            print("".join(f"  - {_cell(line)}\n" for line in wrong), end="")
    kinds = ", ".join(f"{group} {agreed[group]}/{asked[group]}" for group in sorted(asked))
    return f"{name}: agree {agreed.total()} of {asked.total()} ({kinds})"


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
