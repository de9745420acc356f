"""The benchmark of matches and verdicts on one city, and its own parts by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.ledger_truth import KINDS, calibration, reconciled, summary


def test_calibration_by_hand() -> None:
    pairs = pd.DataFrame({"probability": [0.02, 0.04, 0.95, 0.97], "true": [False, True, True, True]})
    table = calibration(pairs)
    assert table["pairs"].tolist() == [2, 2]
    assert table["stated"].tolist() == pytest.approx([0.03, 0.96])
    assert table["true"].tolist() == [0.5, 1.0]


def test_one_city(tmp_path: Path) -> None:
    lines, pairs = reconciled(tmp_path, 6)
    assert len(lines) == 2 * len(KINDS)
    total = summary(lines)
    assert total.loc["truth", "decidable"] >= 20
    assert (total["precision"] >= 0.95).all()
    assert total.loc["truth", "recall"] >= 0.95
    assert total["unfair"].sum() == 0
    sure = pairs[pairs["probability"] >= 0.9]
    assert sure["true"].mean() >= 0.95
    assert not pairs.loc[pairs["probability"] < 0.01, "true"].any()
