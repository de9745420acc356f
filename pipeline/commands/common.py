"""What every command needs: the console, the options that recur, and numbered errors as exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pipeline.errors import InputError, StageError, XunchaError

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.execute import Execution

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich",
    help="Monthly satellite change detection for natural-resources patrol (自然资源动态巡查); output is 疑似.",
)  # fmt: skip
say = Console(highlight=False, soft_wrap=True)
MOST_LINES = 20
warn = Console(stderr=True, highlight=False, soft_wrap=True)

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="The city's config.yaml, or its folder")]
PeriodText = Annotated[str, typer.Option("--period", help="Month, YYYY-MM")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Use entries up to this day, YYYY-MM-DD")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would run and why, run nothing")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Blocks computed at once; default from config")]
TilePx = Annotated[int | None, typer.Option("--tile-px", min=256, help="Tile width in pixels; default from config")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure")]


def example(text: str) -> str:
    """The example line below a command's help."""
    return f"[bold]Example:[/bold] [cyan]{text}[/cyan]"


@contextmanager
def reported(as_json: bool, debug: bool) -> Iterator[None]:
    """Turn numbered errors into one message and the exit code the design names."""
    try:
        yield
    except typer.Exit:
        raise
    except (Exception, KeyboardInterrupt) as raised:
        if debug:
            raise
        problem = numbered(raised)
        if as_json:
            error = {"code": problem.code, "message": problem.message, "hint": problem.hint}
            print(json.dumps({"error": error}, ensure_ascii=False))
        warn.print(f"[red]{escape(str(problem))}[/red]")
        raise typer.Exit(problem.exit_code) from None


def numbered(raised: BaseException) -> XunchaError:
    """Any exception as a numbered error."""
    if isinstance(raised, XunchaError):
        return raised
    if isinstance(raised, KeyboardInterrupt):
        return StageError("E604", "stopped", "nothing half-written is left; run the same command again")
    return StageError("E603", f"{type(raised).__name__}: {raised}", "run with --debug and report the traceback")


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int, int], None]]:
    """A bar per piece of work on a terminal, silence elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=warn, transient=True, disable=not warn.is_terminal) as progress:
        tasks: dict[str, Any] = {}

        def update(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = progress.add_task(label, total=total)
            progress.update(tasks[label], completed=done, total=total)

        yield update


def city_of(config_path: Path) -> tuple[Path, Config]:
    """The city folder and its configuration, given config.yaml or the folder."""
    from pipeline.config import load_config

    path = config_path / "config.yaml" if config_path.is_dir() else config_path
    return path.resolve().parent, load_config(path)


def execution_of(config: Config, workers: int | None, tile_px: int | None, progress: Any) -> Execution:
    """The configured execution with the command line's overrides."""
    from pipeline.execute import Execution

    section = config.execute
    return Execution(section.scheduler, workers or section.workers, tile_px or section.tile_px, progress)


def band_numbers(text: str | None) -> dict[str, int] | None:
    """``blue=1,green=2`` as a dict; raises InputError E202 for anything else."""
    if text is None:
        return None
    try:
        return {name.strip(): int(number) for name, number in (part.split("=") for part in text.split(","))}
    except ValueError:
        raise InputError("E202", f"--bands {text}", "write it like blue=1,green=2,red=3") from None
