from __future__ import annotations

from pathlib import Path

from tests.postgis_server import Server
from tests.sources.layer_torture.databases import add_systems, database_deliveries
from tests.sources.layer_torture.reading import outcome


def test_every_table_reads_equal_to_the_file_or_is_refused_with_its_number(postgis: Server, tmp_path: Path) -> None:
    add_systems(postgis)
    due, found = {}, {}
    for number, delivery in enumerate(database_deliveries(postgis)):
        due[delivery.name] = delivery.refused or "equal"
        found[delivery.name] = outcome(delivery, tmp_path / f"{number:02d}" / "图层").result
    assert found == due
    assert len(due) > 25
