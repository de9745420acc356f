"""Blocks over threads or processes: the only room that imports dask.

Results always come back in lattice order, a batch at a time, so that memory stays bounded and neither
the tile size nor the number of workers can change what a caller computes from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
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
    pool = _pool(execution)
    for batch in batches(blocks, execution.tile_px):
        calls = [dask.delayed(function, pure=False)(block) for block in batch]
        try:
            results = dask.compute(*calls, scheduler=execution.scheduler, num_workers=execution.workers, **pool)
        except BrokenExecutor:
            _POOLS.pop(execution.workers, None)
            raise
        yield from zip(batch, results, strict=True)
        done += len(batch)
        execution.progress(label, done, len(blocks))


_POOLS: dict[int, ProcessPoolExecutor] = {}
"""Processes by their number, kept from pass to pass: a new one loads every library again. They end with the program."""


def _pool(execution: Execution) -> dict[str, Executor]:
    """The processes as dask's keyword; threads and the synchronous scheduler need none."""
    if execution.scheduler != "processes":
        return {}
    if execution.workers not in _POOLS:
        _POOLS[execution.workers] = ProcessPoolExecutor(execution.workers, mp_context=get_context("spawn"))
    return {"pool": _POOLS[execution.workers]}
