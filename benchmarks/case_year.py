"""Print the case histories of the drawn twelve months, and what the year took: ``python -m benchmarks.case_year``."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.life.twelve import histories, run_year, supply_histories


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        year, contexts = run_year(Path(folder) / "城")
        seconds = time.monotonic() - started
        for line in (*histories(year, contexts[-1]), *supply_histories(year, contexts[-1])):
            print(line)
    print(f"{len(contexts)} months in {seconds:.1f} s")


if __name__ == "__main__":
    main()
