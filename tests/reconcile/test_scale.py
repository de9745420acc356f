"""The benchmark of `reconcile` on a prefecture runs, on a few hundred rows, and its own arithmetic is right."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.prefecture import draw_prefecture, write_prefecture
from benchmarks.reconcile_scale import growth, measure, plain_join, plot
from pipeline.stages import reconcile

SHARE = 0.008


def test_a_small_prefecture_is_measured_against_the_plain_join(tmp_path: Path) -> None:
    row = measure(SHARE)
    assert (row["entries"], row["targets"], row["tracks"]) == (400, 160, 40)
    assert row["stage_s"] > 0 and row["peer_s"] > 0 and row["ratio"] == row["stage_s"] / row["peer_s"]
    assert row["peak_mb"] >= row["peer_mb"] > 0 and row["peer_pairs"] > 100
    plot([row, {**row, "entries": 800, "stage_s": 2 * row["stage_s"]}], tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_the_prefecture_asks_every_rule_of_the_verdict(tmp_path: Path) -> None:
    prefecture = draw_prefecture(0.02)
    context = write_prefecture(prefecture, tmp_path / "州")
    (tmp_path / "out").mkdir()
    reconcile.run(context, tmp_path / "out")
    verdicts = pd.read_parquet(tmp_path / "out" / "verdicts.parquet")
    assert len(verdicts) == len(prefecture.tables["targets"])
    assert {"verdict.1", "verdict.3", "verdict.5.evidence"} <= set(verdicts["rule"])
    assert plain_join(prefecture, sight_m=100.0, standing_m=25.0) > len(prefecture.located)


def test_one_seed_draws_one_prefecture() -> None:
    one, two = (draw_prefecture(SHARE).tables for _ in range(2))
    for name in ("targets", "entries", "visits"):
        pd.testing.assert_frame_equal(pd.DataFrame(one[name]), pd.DataFrame(two[name]))
    other = draw_prefecture(SHARE, seed=8).tables
    assert not other["targets"]["area_m2"].equals(one["targets"]["area_m2"])


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_growth_is_the_power(power: float) -> None:
    assert growth([1.0, 2.0, 4.0, 8.0], [3 * size**power for size in (1.0, 2.0, 4.0, 8.0)]) == pytest.approx(power)
