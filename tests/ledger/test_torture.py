"""Every file of the torture set through the real ledger stage, against what a careful clerk would make of it."""

import io
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from tests.ledger.torture import CASES, SETS
from tests.ledger.torture.case import Case, Finding
from tests.ledger.torture.files import BOMB_BYTES
from tests.ledger.torture.open_cases import OPEN
from tests.ledger.torture.reading import Got, broken_promises, disagreements, draw_city, read_case

# drawn larger than they are sent: a document's template, empty rows, what a bomb unpacks to
ROOMY_BYTES = 600_000


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("酷刑 测试") / "城"
    draw_city(folder)
    return folder


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_reader_agrees_with_a_careful_clerk(case: Case, city: Path) -> None:
    got = read_case(case, city)
    wrong = disagreements(case, got)
    if case.name in OPEN:
        # where the reader is known to fall short it must still lose nothing without listing it
        wrong = [line for line in broken_promises(case, got) if line not in OPEN[case.name].tolerated]
    assert not wrong, "\n".join([case.hard, *wrong])


def test_sets_are_large_named_once_and_open_cases_exist() -> None:
    names = Counter(case.name for case in CASES)
    assert len(names) >= 140 and max(names.values()) == 1
    assert len(SETS["first"]) >= 60 and len(SETS["blind"]) >= 80
    assert all(case.name.startswith("blind-") == (case in SETS["blind"]) for case in CASES)
    assert set(OPEN) <= set(names)
    assert len(OPEN) <= len(CASES) // 10


def test_builders_give_the_same_bytes_twice_and_stay_small() -> None:
    for case in CASES:
        first = case.make()
        for name, data in first.items():
            assert len(data) <= ROOMY_BYTES, name
        assert {name: _parts(data) for name, data in case.make().items()} == {n: _parts(d) for n, d in first.items()}


def test_bomb_is_one() -> None:
    bomb = next(case for case in CASES if case.name == "file-zip-bomb")
    data = next(data for name, data in bomb.make().items() if "炸弹" in name)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert sum(info.file_size for info in archive.infolist()) > 0.9 * BOMB_BYTES > 400 * len(data)


def test_comparison_notices_every_kind_of_difference() -> None:
    finding = Finding("2026-05-03", "张三", ("王家村", "王家村东"), (114.5, 34.5))
    case = Case(
        "x",
        "",
        dict,
        (finding,),
        effort=1,
        days=("2026-05-04",),
        rows=("date",),
        files={"a/b": "locked"},
        never=("合计",),
    )
    same = Finding("2026-05-03", "张 三", "王家村东", (114.500001, 34.5))
    row, good = ("E505", "没有日期"), {"a/b": ("已加密，需要密码",)}
    assert disagreements(case, Got((same,), ("2026-05-04",), (row,), good, 0)) == []
    assert disagreements(case, Got((same,), ("2026-05-04",), (), good, 1)) == []
    for other in (
        Got((), ("2026-05-04",), (row,), good, 0),
        Got((same, same), ("2026-05-04",), (row,), good, 0),
        Got((Finding("2026-05-02", "张三", "王家村", (114.5, 34.5)),), ("2026-05-04",), (row,), good, 0),
        Got((Finding("2026-05-03", "张", "王家村", (114.5, 34.5)),), ("2026-05-04",), (row,), good, 0),
        Got((Finding("2026-05-03", "张三", "李庄村", (114.5, 34.5)),), ("2026-05-04",), (row,), good, 0),
        Got((Finding("2026-05-03", "张三", "王家村", (114.5, 34.6)),), ("2026-05-04",), (row,), good, 0),
        Got((Finding("2026-05-03", "张三", "王家村"),), ("2026-05-04",), (row,), good, 0),
        Got((same,), ("2026-05-05",), (row,), good, 0),
        Got((same,), (), (row,), good, 0),
        Got((same,), ("2026-05-04",), (), good, 0),
        Got((same,), ("2026-05-04",), (row, row), good, 0),
        Got((same,), ("2026-05-04",), (row,), {}, 0),
        Got((same,), ("2026-05-04",), (row,), {"a/b": ("损坏",)}, 0),
        Got((same,), ("2026-05-04",), (row,), {**good, "a/c": ("损坏",)}, 0),
        Got((same, Finding(None, "合计", None)), ("2026-05-04",), (row,), good, 0),
    ):
        assert disagreements(case, other)
    assert broken_promises(case, Got((), (), (), {}, 0)) == ["nothing read and nothing listed"]


def _parts(data: bytes) -> object:
    """The members of a zip container, whose stamps are the clock's, without document properties; else the bytes."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return len(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if archive.testzip() is not None:
            return None
        return {name: archive.read(name) for name in archive.namelist() if not name.startswith("docProps/")}
