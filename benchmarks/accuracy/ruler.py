"""The ruler's own functions, taken from its file: its peers, its matching of objects, its cleaning of masks."""

from __future__ import annotations

import ast
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WANTED = ("pix", "prf", "obj", "clean", "peers")
LEAST_PX, SHARE = 10, 0.3
"""Least pixels of an object and share of it that has to be covered; the defaults of the ruler's ``obj``."""


@dataclass(frozen=True)
class Ruler:
    """What the ruler measures with: pixel counts, precision-recall-F1, object counts, cleaning, and its two peers."""

    pix: Callable[..., NDArray[np.float64]]
    prf: Callable[..., tuple[float, float, float]]
    obj: Callable[..., NDArray[np.float64]]
    clean: Callable[..., NDArray[np.bool_]]
    peers: Callable[..., tuple[dict[str, tuple[Any, Any]], Any]]


def read_ruler(path: Path) -> Ruler:
    """The functions of ``score_pairs.py``; the file is a script, so its imports and functions alone are run.

    Raises SystemExit when the file is missing or lacks one of the functions.
    """
    if not path.is_file():
        raise SystemExit(f"no ruler at {path}: name it with --ruler")
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    tree.body = [part for part in tree.body if isinstance(part, ast.Import | ast.ImportFrom | ast.FunctionDef)]
    module = types.ModuleType("ruler")
    exec(compile(tree, str(path), "exec"), module.__dict__)
    lacking = [name for name in WANTED if not hasattr(module, name)]
    if lacking:
        raise SystemExit(f"{path} lacks {', '.join(lacking)}")
    return Ruler(**{name: _quiet(getattr(module, name)) for name in WANTED})


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """The ruler is written for a process without warnings (it divides by zero where an image is constant)."""

    def called(*arguments: Any, **options: Any) -> Any:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return function(*arguments, **options)

    return called
