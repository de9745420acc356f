"""A made-up city whose field checks say that local correlation tells real construction, whatever the score said."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from shapely.geometry import box

from pipeline import schema
from pipeline.config import Config, Detect
from pipeline.errors import InputError, StageError
from pipeline.sources.model import read_model
from pipeline.stages.check import model_problems
from pipeline.stages.detect import inputs
from pipeline.stages.init import init_city
from pipeline.stages.models import configured_model, load_for_month, load_model, scorer_of
from pipeline.stages.train_outcomes import train_outcomes
from pipeline.store import write_table
from tests.imagery import BANDS
from tests.report.fabricate import frame, target


def checked_city(folder: Path, *, count: int = 160, sure: bool = False, seed: int = 4) -> Path:
    """Targets over 12 km with field checks; their outcome follows from the correlation.

    ``sure``: the probabilities that the runs hold are right already.
    """
    init_city(folder)
    rng = np.random.default_rng(seed)
    rows, checks = [], []
    for number in range(count):
        real = bool(rng.random() < 0.5)
        correlation = float(np.clip(rng.normal(0.25 if real else 0.75, 0.15), -1, 1))
        x, y = 500_000 + rng.uniform(0, 12_000), 3_400_000 + rng.uniform(0, 12_000)
        known = (0.999 if real else 0.001) if sure else float(rng.uniform(0.65, 0.95))
        rows.append(
            target(number, 0, probability=known, correlation=correlation,
                   change_score=float(rng.normal(1.5, 0.2)), geometry=box(x, y, x + 40, y + 40))
        )  # fmt: skip
        outcome = ("违法" if rng.random() < 0.7 else "合法") if real else "伪变化"
        checks.append([rows[-1]["target_id"], "2026-11-20", outcome, "", ""])
    checks.append([rows[0]["target_id"], "2026-11-01", "其他", "", ""])
    path = folder / "runs" / "2026-10" / "register" / "targets.parquet"
    path.parent.mkdir(parents=True)
    write_table(path, schema.TARGETS, frame(schema.TARGETS, rows))
    with (folder / "records" / "field_checks.csv").open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(checks)
    return folder


def learnt(city: Path) -> Path:
    outcome = train_outcomes(city, city / "models", name="checked", licence="own records")
    return Path(outcome.publish["model"]).parent


def test_checked_outcomes_teach_the_object_stage_of_a_month(tmp_path: Path) -> None:
    city = checked_city(tmp_path / "市")
    folder = learnt(city)
    manifest, _ = read_model(folder)
    held = manifest["figures"]["held_out"]
    assert held["model"]["brier"] < held["default"]["brier"] and held["model"]["brier_skill"] > 0.25
    assert manifest["figures"]["out_of_fold"]["outcomes"] == 160 and manifest["evidence"] == "month"
    assert not set(manifest["held_out"]) & set(manifest["trained_on"])
    model = load_for_month(folder, bands=BANDS, profile="s2", pixel_m=10.0)
    scorer = scorer_of(model, evidence="month")
    row = {"probability": 0.8, "area_px": 20, "change_score": 1.5, "rectangularity": 0.8, "clear_share": 1.0}
    low, high = (
        scorer.object_probability({"probability": 0.8, "measures": {**row, "plain_odds": 1.4, "correlation": value}})
        for value in (0.8, 0.2)
    )
    assert low < 0.35 and high > 0.65
    assert learnt(city).name == "0002"
    assert (city / "models/checked/0001/model.npz").read_bytes() == (
        city / "models/checked/0002/model.npz"
    ).read_bytes()
    assert load_model(city / "models" / "checked").version == "0002"


def test_probabilities_that_are_right_already_stay(tmp_path: Path) -> None:
    city = checked_city(tmp_path / "city", sure=True)
    with pytest.raises(StageError) as caught:
        learnt(city)
    assert caught.value.code == "E805" and "Brier" in caught.value.message
    assert not list((city / "models").glob("*/*"))


def test_few_outcomes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        train_outcomes(checked_city(tmp_path / "few", count=20), tmp_path / "m", name="few", licence="own")
    assert caught.value.code == "E804" and "real" in caught.value.message


def test_a_city_without_checks_is_refused(tmp_path: Path) -> None:
    init_city(tmp_path / "new")
    with pytest.raises(InputError) as caught:
        train_outcomes(tmp_path / "new", tmp_path / "m", name="x", licence="own")
    assert caught.value.code == "E804"


def test_a_configured_model_is_checked_and_decides_whether_detect_is_stale(tmp_path: Path) -> None:
    city = checked_city(tmp_path / "city")
    folder = learnt(city)
    models = {"s2": "models/checked/0001"}
    config = Config(detect=Detect(model=models, monitor_months=0))
    context = SimpleNamespace(config=config, city=city)
    assert inputs(context) == (folder / "manifest.json", folder / "model.npz")  # type: ignore[arg-type]
    bare = Config(detect=Detect(monitor_months=0))
    assert inputs(SimpleNamespace(config=bare, city=city)) == ()  # type: ignore[arg-type]
    assert configured_model(city, models, "s2", "s2") == folder
    assert configured_model(city, {"other": "x"}, "s2", "s2") is None
    with pytest.raises(InputError) as caught:
        load_for_month(folder, bands=BANDS, profile="s2", pixel_m=2.0)
    assert caught.value.code == "E802"
    (problem,) = [
        problem
        for model in ("models/checked/0001", "models/lost")
        for problem in model_problems(city, Config(detect=Detect(model={"s2": model})), config.sources[0])
    ]
    assert problem.code == "E801" and "lost" in problem.message
