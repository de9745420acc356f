"""The layer torture set as a table: every delivery, what came of it, and what the report or the refusal says.

usage: python -m benchmarks.layer_torture [--all]

Without --all the 36 combinations of shapefile encodings are one line each only where they fail. Exit code 1 when any
delivery comes out otherwise than it should. Tables of a PostGIS database are among them where a server is installed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from tests.postgis_server import PACKAGES, programs, running
from tests.sources.layer_torture.databases import add_systems, database_deliveries
from tests.sources.layer_torture.deliveries import Delivery, deliveries
from tests.sources.layer_torture.reading import outcome


@contextmanager
def every_delivery() -> Iterator[Iterator[Delivery]]:
    """The deliveries of files, and those of a database while its server runs."""
    binaries = programs()
    if binaries is None:
        print(f"PostGIS is left out, no server is installed: {PACKAGES}", file=sys.stderr)
        yield deliveries()
        return
    with running(binaries) as server:
        add_systems(server)
        yield chain(deliveries(), database_deliveries(server))


def main(arguments: Sequence[str] | None = None) -> int:
    """Read every delivery, print the table and the count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="Also the shapefiles whose text reads right")
    options = parser.parse_args(arguments)
    right, total = 0, 0
    print("| delivery | due | outcome | said |\n|---|---|---|---|")
    with every_delivery() as wanted:
        for number, delivery in enumerate(wanted):
            with tempfile.TemporaryDirectory() as scratch:
                found = outcome(delivery, Path(scratch) / f"{number:03d}" / "layers")
            due = delivery.refused or "equal"
            total, right = total + 1, right + (found.result == due)
            if options.all or found.result != due or "language byte" not in delivery.name:
                print(f"| {delivery.name} | {due} | {found.result} | {found.note} |", flush=True)
    print(f"\n{right} of {total} as they should be")
    return 0 if right == total else 1


if __name__ == "__main__":
    sys.exit(main())
