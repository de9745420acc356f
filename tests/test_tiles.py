"""Promise 3: neither tile size nor workers nor scheduler change a byte."""

from __future__ import annotations

from pathlib import Path

from tests.city import PERIODS, copy_city, run_month


def test_tile_size_workers_and_scheduler_change_no_byte(written_city: Path, tmp_path: Path) -> None:
    digests = []
    for name, scheduler, options in (
        ("一", "threads", ("--tile-px", "512", "--workers", "1")),
        ("二", "threads", ("--tile-px", "4096", "--workers", "3")),
        ("三", "processes", ("--tile-px", "1024", "--workers", "2")),
    ):
        city = copy_city(written_city, tmp_path / name)
        config = (city / "config.yaml").read_text(encoding="utf-8")
        # A finer grid spreads the small city over several blocks of the lattice.
        config = config.replace("pixel_m: 10.0", "pixel_m: 5.0").replace('"threads"', f'"{scheduler}"')
        assert "pixel_m: 5.0" in config and f'scheduler: "{scheduler}"' in config
        (city / "config.yaml").write_text(config, encoding="utf-8")
        digests.append(run_month(city, *PERIODS[0][::2], *options))
    assert digests[0] == digests[1] == digests[2]
