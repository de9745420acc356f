"""Blocks over threads or processes: the only room that imports dask.

Results always come back in lattice order, a batch at a time, so that memory stays bounded and neither
the tile size nor the number of workers can change what a caller computes from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Literal, TypeVar

import dask

from pipeline.grid import Block, batches

Scheduler = Literal["threads", "processes", "synchronous"]
Result = TypeVar("Result")


def silent(label: str, done: int, total: int) -> None:
    """A progress listener that says nothing."""


@dataclass(frozen=True)
class Execution:
    """How to run blocks: scheduler, number of workers, tile width in pixels, and who hears of progress."""

    scheduler: Scheduler = "threads"
    workers: int = 2
    tile_px: int = 2048
    progress: Callable[[str, int, int], None] = silent


def map_blocks(
    function: Callable[[Block], Result], blocks: tuple[Block, ...], execution: Execution, label: str
) -> Iterator[tuple[Block, Result]]:
    """Yield ``(block, function(block))`` for every block in lattice order.

    ``function`` must be picklable for the process scheduler (a module function, ``functools.partial`` or a
    frozen dataclass with ``__call__``). An exception in a block propagates to the caller.
    """
    done = 0
    execution.progress(label, 0, len(blocks))
    with _pool(execution) as pool:
        for batch in batches(blocks, execution.tile_px):
            calls = [dask.delayed(function, pure=False)(block) for block in batch]
            results = dask.compute(*calls, scheduler=execution.scheduler, num_workers=execution.workers, **pool)
            yield from zip(batch, results, strict=True)
            done += len(batch)
            execution.progress(label, done, len(blocks))


@contextmanager
def _pool(execution: Execution) -> Iterator[dict[str, Executor]]:
    """Processes that live for one pass, as dask's keyword; threads and the synchronous scheduler need none."""
    if execution.scheduler != "processes":
        yield {}
        return
    with ProcessPoolExecutor(execution.workers, mp_context=get_context("spawn")) as executor:
        yield {"pool": executor}
