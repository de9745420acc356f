"""The command line: the only room that prints, reads the environment and sets exit codes."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from pipeline import DETECTION, RECONCILIATION, STAGES, __version__
from pipeline.commands import fetch_layers as fetch_layers
from pipeline.commands import train as train
from pipeline.commands.common import (
    MOST_LINES,
    AsJson,
    AsOf,
    ConfigPath,
    Debug,
    DryRun,
    PeriodText,
    TilePx,
    Workers,
    app,
    band_numbers,
    city_of,
    example,
    execution_of,
    progress_bars,
    reported,
    say,
    warn,
)
from pipeline.errors import InputError, StageError
from pipeline.values import Period, parse_day

if TYPE_CHECKING:
    from pipeline.stages.base import StageContext
    from pipeline.stages.runner import StageResult


def show_stage(result: StageResult) -> None:
    """One line per stage while a month runs."""
    label = next(entry.label for entry in STAGES if entry.name == result.stage)
    mark = {"done": "[green]done[/green]", "skipped": "[dim]skipped[/dim]", "would_run": "[yellow]would run[/yellow]"}
    counts = ", ".join(f"{name} {value}" for name, value in result.counts.items())
    seconds = f" {result.seconds:.1f}s" if result.state == "done" else ""
    warn.print(f"{mark[result.state]} {result.stage} {label}{seconds} ({escape(result.why)}) {escape(counts)}")
    for note in result.notes:
        warn.print(f"     [dim]{escape(note)}[/dim]")
    for line in result.differences[:MOST_LINES]:
        warn.print(f"     [yellow]结论变化[/yellow] {escape(line)}")
    if len(result.differences) > MOST_LINES:
        warn.print(f"     [yellow]……共{len(result.differences)}处变化，全部见 journal.jsonl[/yellow]")
    for failure in result.failures:
        warn.print(f"     [red]{escape(failure)}[/red]")


def run_month(
    config_path: Path, period: str, names: tuple[str, ...], *, as_of: str | None = None, workers: int | None = None,
    tile_px: int | None = None, dry_run: bool = False, quiet: bool = False,
) -> tuple[StageContext, list[StageResult]]:  # fmt: skip
    """Precheck the city, then run the named stages of a period under the city's lock."""
    from pipeline.stages.check import check_city
    from pipeline.stages.guard import city_lock
    from pipeline.stages.runner import open_month, raise_failures, run_stages

    city, config = city_of(config_path)
    month = Period.parse(period)
    day = parse_day(as_of) if as_of else None
    problems, warnings = check_city(city, config, month, ledgers="ledger" in names)
    if problems:
        for extra in problems[1:]:
            warn.print(f"[red]{escape(str(extra))}[/red]")
        raise problems[0]
    if not quiet:
        for warning in warnings:
            warn.print(f"[yellow]{escape(warning)}[/yellow]")
    with nullcontext() if dry_run else city_lock(city), progress_bars() as progress:
        execution = execution_of(config, workers, tile_px, progress)
        context = open_month(city, config, month, day, execution, detecting="detect" in names)
        listener = (lambda result: None) if quiet else show_stage
        results = run_stages(names, context, listener, dry_run=dry_run)
    raise_failures(results)
    return context, results


def finish(context: StageContext, results: list[StageResult], as_json: bool) -> None:
    """Print what a run did: its stages as JSON, or the month's summary when the report stands."""
    from pipeline.stages.report import read_summary

    reported_now = any(result.stage == "report" and result.state != "would_run" for result in results)
    summary = read_summary(context.run) if reported_now else None
    if as_json:
        value: dict[str, Any] = {"run": str(context.run), "stages": [asdict(result) for result in results]}
        print(json.dumps(value | ({"summary": summary} if summary else {}), ensure_ascii=False))
    elif summary:
        from pipeline.report.statistics import summary_lines

        for line in summary_lines(summary):
            say.print(line, markup=False)
        say.print(f"成果目录 results: {context.run}", markup=False)


@app.command(epilog=example("xuncha demo demo-city"))
def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the synthetic city is written")],
    size: Annotated[Literal["full", "small"], typer.Option(help="8 x 8 km, or a quick small one")] = "full",
    seed: Annotated[int, typer.Option(help="Another seed, another city")] = 20261001,
    as_json: AsJson = False, workers: Workers = None, tile_px: TilePx = None, debug: Debug = False,
) -> None:  # fmt: skip
    """Write the synthetic city and run its months."""
    from pipeline.stages.demo import MONTHS, write_demo

    with reported(as_json, debug):
        warn.print(f"synthetic city in {folder}")
        write_demo(folder, size=size, seed=seed)
        for period, dispatched_on, as_of in MONTHS:
            warn.print(f"[bold]{period}[/bold] detect, dispatch on {dispatched_on}, reconcile as of {as_of}")
            options: dict[str, Any] = {"workers": workers, "tile_px": tile_px}
            context, done = run_month(folder, period, DETECTION, **options)
            send(context, dispatched_on)
            context, rest = run_month(folder, period, (*RECONCILIATION, "report"), as_of=as_of, **options)
            finish(context, done + rest, as_json)


@app.command(epilog=example("xuncha init mycity"))
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The new city folder")],
    as_json: AsJson = False, debug: Debug = False,
) -> None:  # fmt: skip
    """Write a commented config and the folders and tables it expects."""
    from pipeline.stages.init import init_city

    with reported(as_json, debug):
        written = [str(path) for path in init_city(folder)]
        if as_json:
            print(json.dumps({"written": written}, ensure_ascii=False))
        else:
            say.print("\n".join(written), markup=False)
            say.print("Next: put scenes, layers and units there (docs/city-folder.md), then `xuncha check`.")


@app.command(epilog=example("xuncha plan mycity --year 2027"))
def plan(
    config: ConfigPath,
    year: Annotated[int, typer.Option("--year", min=2000, max=2100, help="The year to draft a plan for")],
    as_json: AsJson = False, debug: Debug = False,
) -> None:  # fmt: skip
    """Draft a year's patrol plan from the last one, as a workbook to edit; an existing file is never overwritten."""
    from pipeline.stages.plan import write_draft

    with reported(as_json, debug):
        city, settings = city_of(config)
        path = write_draft(city, settings, year)
        say.print(json.dumps({"written": str(path)}, ensure_ascii=False) if as_json else str(path), markup=False)


@app.command(epilog=example("xuncha check mycity/config.yaml --period 2026-10"))
def check(
    config: ConfigPath, period: Annotated[str | None, typer.Option("--period", help="Month, YYYY-MM")] = None,
    as_json: AsJson = False, debug: Debug = False,
) -> None:  # fmt: skip
    """Check everything that can be checked before any costly work."""
    from pipeline.stages.check import check_city

    with reported(as_json, debug):
        city, settings = city_of(config)
        problems, warnings = check_city(city, settings, Period.parse(period) if period else None)
        if as_json:
            rows = [{"code": p.code, "message": p.message, "hint": p.hint} for p in problems]
            print(json.dumps({"problems": rows, "warnings": warnings}, ensure_ascii=False))
        for problem in problems:
            warn.print(f"[red]{escape(str(problem))}[/red]")
        for warning in warnings:
            warn.print(f"[yellow]{escape(warning)}[/yellow]")
        if problems:
            raise typer.Exit(InputError.exit_code)
        if not as_json:
            say.print(f"ready: {city}", markup=False)


@app.command(epilog=example("xuncha compare before.tif after.tif --out result"))
def compare(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="Earlier raster; results are on its grid")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="Later raster, any grid and CRS")],
    out: Annotated[Path, typer.Option("--out", help="Folder for score.tif and candidates.gpkg")],
    profile: Annotated[Literal["auto", "s2", "landsat", "vhr"], typer.Option(help="Processing profile")] = "auto",
    bands: Annotated[str | None, typer.Option(help="Band numbers, for example blue=1,green=2,red=3")] = None,
    valid: Annotated[Path | None, typer.Option(help="Mask on BEFORE's grid, 1 = usable in both")] = None,
    before_date: Annotated[str | None, typer.Option(help="YYYY-MM-DD; else tag ACQUISITION_DATE")] = None,
    after_date: Annotated[str | None, typer.Option(help="YYYY-MM-DD; else tag ACQUISITION_DATE")] = None,
    scale: Annotated[float | None, typer.Option(help="Stored number times scale plus offset is reflectance")] = None,
    offset: Annotated[float | None, typer.Option(help="See --scale")] = None,
    gsd_m: Annotated[float | None, typer.Option(help="Pixel size in metres where the file has no georeference")] = None,
    min_area_m2: Annotated[float | None, typer.Option(help="Smallest object kept")] = None,
    model: Annotated[Path | None, typer.Option(help="A trained model's folder or manifest; else the hand weights")] = None,
    network: Annotated[Path | None, typer.Option(help="The network.json that the model was trained with")] = None,
    as_json: AsJson = False, workers: Workers = None, tile_px: TilePx = None, debug: Debug = False,
) -> None:  # fmt: skip
    """Compare two rasters without a city: probability of new construction and candidate objects."""
    from pipeline.config import Config
    from pipeline.stages.compare import compare_pair
    from pipeline.stages.guard import guarded

    with reported(as_json, debug):
        with guarded("compare", out), progress_bars() as progress:
            outcome = compare_pair(
                before, after, out, profile=profile, bands=band_numbers(bands), valid=valid,
                before_date=parse_day(before_date) if before_date else None,
                after_date=parse_day(after_date) if after_date else None, scale=scale, offset=offset, gsd_m=gsd_m,
                min_area_m2=min_area_m2, model=model, network=network,
                execution=execution_of(Config(), workers, tile_px, progress),
            )  # fmt: skip
        if as_json:
            print(json.dumps({"out": str(out), **asdict(outcome)}, ensure_ascii=False))
        else:
            for note in outcome.notes:
                say.print(note, markup=False)
            counts = ", ".join(f"{name} {value}" for name, value in outcome.counts.items())
            say.print(f"{counts}\n{out / 'score.tif'}\n{out / 'candidates.gpkg'}", markup=False)


@app.command(epilog=example("xuncha detect mycity/config.yaml --period 2026-10"))
def detect(
    config: ConfigPath, period: PeriodText, dry_run: DryRun = False, as_json: AsJson = False,
    workers: Workers = None, tile_px: TilePx = None, debug: Debug = False,
) -> None:  # fmt: skip
    """Run acquire .. patrol: from scenes to ranked task lists."""
    with reported(as_json, debug):
        options: dict[str, Any] = {"workers": workers, "tile_px": tile_px, "dry_run": dry_run}
        finish(*run_month(config, period, DETECTION, **options), as_json)


def send(context: StageContext, day: str) -> dict[str, int]:
    """Record the dispatch of a run's tasks."""
    from pipeline.stages.dispatch import record_dispatch
    from pipeline.stages.guard import city_lock

    with city_lock(context.city):
        return record_dispatch(
            context.city, context.run, period=str(context.period), revision=context.run_name, day=parse_day(day)
        )


@app.command(epilog=example("xuncha dispatch mycity/config.yaml --period 2026-10 --date 2026-11-05"))
def dispatch(
    config: ConfigPath, period: PeriodText, day: Annotated[str, typer.Option("--date", help="YYYY-MM-DD")],
    as_json: AsJson = False, debug: Debug = False,
) -> None:  # fmt: skip
    """Record that the period's tasks were sent; its ids are closed from then on."""
    from pipeline.execute import Execution
    from pipeline.stages.runner import open_month

    with reported(as_json, debug):
        city, settings = city_of(config)
        month = Period.parse(period)
        counts = send(open_month(city, settings, month, None, Execution(), detecting=False), day)
        if as_json:
            print(json.dumps(counts))
        else:
            say.print(", ".join(f"{name} {value}" for name, value in counts.items()), markup=False)


@app.command(epilog=example("xuncha reconcile mycity/config.yaml --period 2026-10 --as-of 2026-11-30"))
def reconcile(
    config: ConfigPath, period: PeriodText, as_of: AsOf = None, dry_run: DryRun = False, as_json: AsJson = False,
    workers: Workers = None, debug: Debug = False,
) -> None:  # fmt: skip
    """Run ledger .. supervise: what patrols missed, what the satellite missed, the state of each case."""
    with reported(as_json, debug):
        options: dict[str, Any] = {"as_of": as_of, "workers": workers, "dry_run": dry_run}
        finish(*run_month(config, period, RECONCILIATION, **options), as_json)


@app.command(epilog=example("xuncha report mycity/config.yaml --period 2026-10"))
def report(
    config: ConfigPath, period: PeriodText, as_of: AsOf = None, dry_run: DryRun = False, as_json: AsJson = False,
    debug: Debug = False,
) -> None:  # fmt: skip
    """Write the packages, the month's page and workbook, and targets.gpkg."""
    with reported(as_json, debug):
        finish(*run_month(config, period, ("report",), as_of=as_of, dry_run=dry_run), as_json)


@app.command(epilog=example("xuncha run mycity/config.yaml --period 2026-10"))
def run(
    config: ConfigPath, period: PeriodText, as_of: AsOf = None, dry_run: DryRun = False, as_json: AsJson = False,
    workers: Workers = None, tile_px: TilePx = None, debug: Debug = False,
) -> None:  # fmt: skip
    """Run the whole month; finished stages are skipped, a killed run resumes."""
    with reported(as_json, debug):
        options: dict[str, Any] = {"as_of": as_of, "workers": workers, "tile_px": tile_px, "dry_run": dry_run}
        finish(*run_month(config, period, tuple(entry.name for entry in STAGES), **options), as_json)


@app.command(epilog=example("xuncha evaluate candidates.gpkg label.tif --score score.tif"))
def evaluate(
    targets: Annotated[Path, typer.Argument(metavar="TARGETS", help="Candidates or targets, vector file")],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="Label raster (1 = change) or vector file of sites")],
    score: Annotated[Path | None, typer.Option("--score", help="Score raster for average precision")] = None,
    as_json: AsJson = False, debug: Debug = False,
) -> None:  # fmt: skip
    """Measure pixel and object accuracy with confidence intervals."""
    from pipeline.stages.evaluate import evaluate as measure

    with reported(as_json, debug):
        result = measure(targets, truth, score)
        print(json.dumps(result, ensure_ascii=False, indent=None if as_json else 1))


@app.command(epilog=example("xuncha verify mycity/runs/2026-10"))
def verify(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A folder CITY/runs/<period>")],
    as_json: AsJson = False, debug: Debug = False,
) -> None:  # fmt: skip
    """Re-hash a run and its journal and say what does not agree."""
    from pipeline.stages.runner import verify_run

    with reported(as_json, debug):
        problems = verify_run(folder.resolve())
        if as_json:
            print(json.dumps({"problems": problems}, ensure_ascii=False))
        else:
            for problem in problems:
                warn.print(f"[red]{escape(problem)}[/red]")
            say.print("not as recorded" if problems else "as recorded", markup=False)
        if problems:
            raise typer.Exit(StageError.exit_code)


@app.command(
    epilog=example("xuncha restore mycity --run 2026-10 --candidate s2-00012 --date 2026-11-03 --by LI --reason 在建")
)
def restore(
    config: ConfigPath, run_name: Annotated[str, typer.Option("--run", help="Run folder, 2026-10 or 2026-10.r2")],
    candidate: Annotated[str, typer.Option(help="候选编号 as in the sheet 排除图斑")],
    day: Annotated[str, typer.Option("--date", help="YYYY-MM-DD")],
    by: Annotated[str, typer.Option(help="Who decided")], reason: Annotated[str, typer.Option(help="Why")],
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take an earlier restoration back")] = False,
    as_json: AsJson = False, debug: Debug = False,
) -> None:  # fmt: skip
    """Record that a suppressed candidate is to count as suspected, on its ground and in later months too."""
    from pipeline.stages.guard import city_lock
    from pipeline.stages.restore import record_restoration

    with reported(as_json, debug):
        city, _ = city_of(config)
        with city_lock(city):
            added = record_restoration(
                city, run_name, candidate, day=parse_day(day), reason=reason, decided_by=by, withdraw=withdraw
            )
        if as_json:
            print(json.dumps({"recorded": added}))
        else:
            say.print(f"已记录 {added} 条，下次运行 detect 时生效", markup=False)


@app.command(epilog=example("xuncha migrate mycity"))
def migrate(
    folder: Annotated[Path, typer.Argument(metavar="CITY", help="The city's folder")],
    as_json: AsJson = False, debug: Debug = False,
) -> None:  # fmt: skip
    """Bring a city folder of an older format to this program's; a copy of what changes is kept."""
    from pipeline.stages.migrate import migrate as bring_up

    with reported(as_json, debug):
        city = folder.resolve()
        done = bring_up(city)
        if as_json:
            print(json.dumps(done))
        elif done["files"] or done["from"] != done["to"]:
            copy = city / f"migrated-from-{done['from']}"
            say.print(f"格式 {done['from']} -> {done['to']}，改写 {done['files']} 个文件，原件在 {copy}", markup=False)
        else:
            say.print(f"已是格式 {done['to']}，无需迁移", markup=False)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version")] = False,
) -> None:
    """Set up logging; print the version when asked."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if version:
        print(__version__)
        raise typer.Exit


def main() -> None:
    """Entry point: Chinese output works whatever the console's code page."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    app()
