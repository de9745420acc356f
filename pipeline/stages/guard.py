"""Turns the machine's own failures (full disk, closed folder, a second run) into numbered errors."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.errors import InputError, StageError, XunchaError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_ROOM_BYTES = 1 << 20


@contextmanager
def guarded(stage: str, folder: Path) -> Iterator[None]:
    """Run a stage; unexpected exceptions become StageError, the numbered ones pass through."""
    try:
        yield
    except XunchaError:
        raise
    except KeyboardInterrupt as problem:
        raise StageError(
            "E604", f"stopped during {stage}", "finished stages are kept; run the same command again to go on"
        ) from problem
    except Exception as problem:
        raise _named(stage, folder, problem) from problem


def _named(stage: str, folder: Path, problem: Exception) -> StageError:
    number = getattr(problem, "errno", None)
    if number in _FULL or _disk_is_full(folder):
        return StageError(
            "E701", f"no room left while writing {stage} in {folder}", "free some space and run the same command again"
        )
    if number in _CLOSED:
        return StageError("E702", f"{stage}: {problem}", "allow writing there or close the program that holds the file")
    return StageError(
        "E603", f"{stage}: {type(problem).__name__}: {problem}", "run with --debug and report the traceback"
    )


def _disk_is_full(folder: Path) -> bool:
    """Whether a mebibyte no longer fits: libraries that write through C do not say why a write failed."""
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    probe = place / ".xuncha-room-test"
    try:
        probe.write_bytes(bytes(_ROOM_BYTES))
    except OSError as problem:
        return problem.errno in _FULL
    finally:
        probe.unlink(missing_ok=True)
    return False


def require_writable(folder: Path) -> None:
    """Raise InputError E702 when nothing can be written below ``folder``; creates the folder."""
    probe = folder / ".xuncha-write-test"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as problem:
        raise InputError("E702", f"{folder}: {problem.strerror}", "choose a folder you may write to") from problem


@contextmanager
def city_lock(city: Path) -> Iterator[None]:
    """Hold the city's lock; raises InputError E602 at once when another run holds it."""
    lock = FileLock(city / ".xuncha.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as problem:
        raise InputError("E602", f"{city} is in use", "wait for the other run to end") from problem
    try:
        yield
    finally:
        lock.release()
