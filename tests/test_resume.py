"""Promise 3: killed or not, run once or again, the same inputs give the same bytes."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import STAGES
from pipeline.simulate.frame import CITY_CRS
from pipeline.sources.units import read_units
from pipeline.store import digest_tree
from tests.city import PERIODS, command, copy_city, run_month, xuncha

PERIOD, _, AS_OF = PERIODS[0]
RUN = ("--period", PERIOD, "--as-of", AS_OF)


def kill_during(city: Path, stage: str) -> bool:
    """Start a run and kill it as soon as ``stage`` is computing; whether it was caught in the act."""
    partial = city / "runs" / PERIOD / f".partial-{stage}"
    process = subprocess.Popen(command("run", str(city), *RUN), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not partial.exists():
        time.sleep(0.002)
    process.kill()
    process.wait(timeout=60)
    return partial.exists()


def test_killed_at_every_stage(written_city: Path, tmp_path: Path) -> None:
    unbroken = run_month(copy_city(written_city, tmp_path / "一口气"), PERIOD, AS_OF)
    broken = copy_city(written_city, tmp_path / "打断")
    caught = [entry.name for entry in STAGES if kill_during(broken, entry.name)]
    assert len(caught) >= len(STAGES) // 2, f"only caught in {caught}"
    assert run_month(broken, PERIOD, AS_OF) == unbroken
    assert xuncha("verify", str(broken / "runs" / PERIOD)).returncode == 0


def test_a_second_run_does_nothing(finished_city: Path, tmp_path: Path) -> None:
    city = copy_city(finished_city, tmp_path / "再来")
    before = digest_tree(city / "runs")
    second, _, as_of = PERIODS[1]
    result = xuncha("run", str(city), "--period", second, "--as-of", as_of)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("skipped") == len(STAGES) and "done" not in result.stderr
    assert digest_tree(city / "runs") == before


def test_changed_layer_recomputes_what_depends_on_it_as_a_revision(finished_city: Path, tmp_path: Path) -> None:
    """The second month was dispatched: its run stays, the revision keeps the issued ids and lists the differences."""
    city = copy_city(finished_city, tmp_path / "改图层")
    second, _, as_of = PERIODS[1]
    issued = digest_tree(city / "runs" / second)
    (city / "layers" / "CZKFBJ.gpkg").unlink()
    result = xuncha("run", str(city), "--period", second, "--as-of", as_of)
    assert result.returncode == 0, result.stderr
    revision = city / "runs" / f"{second}.r2"
    assert digest_tree(city / "runs" / second) == issued
    assert (revision / "register" / "revision.parquet").is_file()

    import pandas as pd

    def ids(run: Path) -> set[str]:
        return set(pd.read_parquet(run / "register" / "targets.parquet")["target_id"])

    assert ids(city / "runs" / second) <= ids(revision)


def test_a_withdrawn_ledger_tells_which_verdicts_change_and_why(finished_city: Path, tmp_path: Path) -> None:
    city = copy_city(finished_city, tmp_path / "撤台账")
    second, _, as_of = PERIODS[1]
    verdicts = pd.read_parquet(city / "runs" / second / "reconcile" / "verdicts.parquet").set_index("target_id")
    unit = verdicts.loc[verdicts["verdict"] == "patrolled_not_reported", "acting_unit_id"].iloc[0]
    name = read_units(city, CITY_CRS).units.set_index("unit_id").loc[unit, "name"]
    shutil.rmtree(city / "ledgers" / name)
    result = xuncha("run", str(city), "--period", second, "--as-of", as_of)
    assert result.returncode == 0, result.stderr
    after = pd.read_parquet(city / "runs" / second / "reconcile" / "verdicts.parquet").set_index("target_id")
    changed = after.index[after["verdict"] != verdicts["verdict"].reindex(after.index)]
    event = next(e for e in reversed(read_journal(city)) if e["event"] == "changed")
    assert set(changed) == {row["target_id"] for row in event["differences"]}
    assert set(after.loc[changed, "verdict"]) == {"undeterminable"}
    assert f"ledgers/{name}" in " ".join(event["why"])
    assert all(f"{target}：" in result.stderr for target in changed)
    assert xuncha("verify", str(city / "runs" / second)).returncode == 0


def read_journal(city: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (city / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
