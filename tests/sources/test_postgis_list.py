from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import InputError
from pipeline.sources.layers import read_layers
from pipeline.sources.postgis_list import read_list
from pipeline.stages.fetch_layers import fetch_layers, unfetched
from tests.sources.layer_torture.databases import write_list
from tests.sources.layer_torture.deliveries import CRS, geopackage, parcels

GOOD = {"host": "gis", "dbname": "zrzy", "user": "reader"}


def test_a_table_gives_its_own_name_and_the_schema_public(tmp_path: Path) -> None:
    write_list(tmp_path, GOOD, {"table": "DLTB"}, {"table": "国土.永久基本农田", "name": "YJJBNTTB"})
    listed = read_list(tmp_path)
    assert [(entry.parts, entry.name) for entry in listed.tables] == [
        (("public", "DLTB"), "DLTB"),
        (("国土", "永久基本农田"), "YJJBNTTB"),
    ]
    assert listed.connection.place == "database zrzy on gis"
    assert unfetched(tmp_path, listed) == ["DLTB", "YJJBNTTB"]


@pytest.mark.parametrize(
    ("connection", "tables", "words"),
    [
        (GOOD | {"passwort": "geheim"}, [{"table": "a"}], "passwort"),
        (GOOD | {"password": "geheim"}, [{"table": "a"}], "PGPASSWORD"),
        (GOOD | {"dbname": "postgresql://u:geheim@gis/zrzy"}, [{"table": "a"}], "no connection string"),
        (GOOD | {"dbname": "dbname=zrzy password=geheim"}, [{"table": "a"}], "no connection string"),
        (GOOD | {"port": 0}, [{"table": "a"}], "port"),
        (GOOD, [], "tables"),
        (GOOD, [{"name": "a"}], "table"),
        (GOOD, [{"table": "a", "rows": 3}], "rows"),
        (GOOD, [{"table": "a", "where": "true); DROP TABLE a; --"}], "without ';'"),
        (GOOD, [{"table": "a", "where": " "}], "condition"),
        (GOOD, [{"table": "a", "name": "../a"}], "file name"),
        (GOOD, [{"table": "a", "name": "a."}], "file name"),
        (GOOD, [{"table": "a", "name": "nul.x"}], "file name"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_and_shows_no_password(
    tmp_path: Path, connection: dict[str, Any], tables: list[dict[str, Any]], words: str
) -> None:
    write_list(tmp_path, connection, *tables)
    with pytest.raises(InputError, match="E314") as caught:
        fetch_layers(tmp_path)
    assert words in str(caught.value) and "geheim" not in str(caught.value)


def test_no_list_or_none_in_yaml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="E314"):
        read_list(tmp_path)
    for text in ("tables: [", "- a", "", "tables: []"):
        (tmp_path / "postgis.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match="E314"):
            read_list(tmp_path)


def test_two_tables_of_one_name_are_refused_whatever_their_case(tmp_path: Path) -> None:
    write_list(tmp_path, GOOD, {"table": "a.DLTB"}, {"table": "b.dltb"})
    with pytest.raises(InputError, match=r"E313.*a\.DLTB and b\.dltb"):
        read_list(tmp_path)


def test_the_list_itself_is_no_unread_layer(tmp_path: Path) -> None:
    write_list(tmp_path, GOOD, {"table": "a"})
    geopackage(tmp_path, parcels())
    assert read_layers(tmp_path, CRS).report["unread"] == []
