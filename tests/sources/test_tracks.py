from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.ledger.tracks import RawTrack
from pipeline.sources.tracks import read_gpx, read_track_files
from pipeline.sources.unit_folders import UnitFile

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
GPX = (
    HEAD
    + """<gpx version="1.1" creator="t" xmlns="http://www.topografix.com/GPX/1/1">
<metadata><name>九月巡查</name></metadata><trk><name>张三</name>
<trkseg><trkpt lat="32.5" lon="114.3"><time>2026-09-03T01:00:00Z</time></trkpt>
<trkpt lat="32.6" lon="114.4"><time>2026-09-03T09:00:20+08:00</time></trkpt></trkseg>
<trkseg><trkpt lat="32.7" lon="114.5"/></trkseg></trk></gpx>"""
)


def read(content: str | bytes, max_mb: float = 1.0, max_points: int = 100) -> RawTrack:
    raw = content.encode("utf-8") if isinstance(content, str) else content
    return read_gpx(raw, unit_id="U1", file="a.gpx", max_mb=max_mb, max_points=max_points)


def test_points_times_and_words() -> None:
    track = read(GPX)
    assert track.lon.tolist() == [114.3, 114.4, 114.5] and track.lat.tolist() == [32.5, 32.6, 32.7]
    assert (
        track.time[:2].tolist() == np.array(["2026-09-03T01:00:00", "2026-09-03T01:00:20"], "datetime64[ms]").tolist()
    )
    assert np.isnat(track.time[2])
    assert track.segment.tolist() == [0, 0, 1]
    assert "张三" in track.words and "九月巡查" in track.words
    assert read("\ufeff" + GPX).lon.tolist() == track.lon.tolist()


BOMB = HEAD + '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>' + GPX[len(HEAD) :].replace("张三", "&b;")


@pytest.mark.parametrize(
    "content",
    [
        BOMB,
        GPX.replace("<gpx ", "<! doctype x><gpx ", 1),
        GPX[:300],
        "",
        "<gpx",
        b"\xff\xfe<\x00g\x00",
        GPX.replace('"32.5"', '"abc"'),
        GPX.encode("gb18030"),
    ],
)
def test_bombs_and_damage_are_refused(content: str | bytes) -> None:
    with pytest.raises(InputError) as problem:
        read(content)
    assert problem.value.code == "E504"


def test_size_is_bounded() -> None:
    with pytest.raises(InputError, match="MB"):
        read(GPX, max_mb=1e-4)
    with pytest.raises(InputError, match="3个点"):
        read(GPX, max_points=2)


def test_one_bad_file_does_not_stop_others(tmp_path: Path) -> None:
    for name, content in (("a.gpx", GPX), ("b.gpx", BOMB), ("c.kml", "<kml/>")):
        (tmp_path / name).write_text(content, encoding="utf-8")
    files = [
        UnitFile("U1", tmp_path / name, f"tracks/王庄镇/{name}") for name in ("a.gpx", "b.gpx", "c.kml", "gone.gpx")
    ]
    tracks, rejected = read_track_files(files, max_mb=1.0, max_points=100)
    assert [track.file for track in tracks] == ["tracks/王庄镇/a.gpx"]
    assert [(row["file"][-5:], row["code"]) for row in rejected] == [
        ("b.gpx", "E504"),
        ("c.kml", "E504"),
        ("e.gpx", "E504"),
    ]
