"""`xuncha fetch-layers`: tables of a PostGIS database as files below ``layers/``."""

from __future__ import annotations

import json
from dataclasses import asdict

from pipeline.commands.common import (
    AsJson,
    ConfigPath,
    Debug,
    app,
    city_of,
    example,
    progress_bars,
    reported,
    say,
    warn,
)


@app.command(name="fetch-layers", epilog=example("xuncha fetch-layers mycity"))
def fetch_layers(config: ConfigPath, as_json: AsJson = False, debug: Debug = False) -> None:
    """Write the PostGIS tables that layers/postgis.yaml lists as files below layers/postgis; all of them or none."""
    from pipeline.stages.fetch_layers import fetch_layers as fetch
    from pipeline.stages.guard import city_lock

    with reported(as_json, debug):
        city, _ = city_of(config)
        with city_lock(city), progress_bars() as progress:
            fetched = fetch(city / "layers", progress)
        if as_json:
            print(json.dumps(asdict(fetched), ensure_ascii=False))
            return
        for layer in fetched.layers:
            state = "已更新" if layer.changed else "无变化"
            say.print(f"layers/{layer.file} {state} {layer.rows} 行 {layer.crs or '未注明坐标系'}", markup=False)
            for note in layer.notes:
                warn.print(f"     {note}", markup=False)
        for name in fetched.removed:
            warn.print(f"layers/{name} 已不在清单中，已删除", markup=False)
