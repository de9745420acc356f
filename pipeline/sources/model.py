"""Trained models on disk: a folder with ``manifest.json`` and ``model.npz``, numbers only; loading runs nothing.

The manifest seals itself and the data file by sha256, so that a changed threshold is noticed like a changed weight.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.store import digest_bytes, json_bytes, write_bytes

MANIFEST = "manifest.json"
DATA = "model.npz"
MODEL_FORMAT = 1
MOST_BYTES = 256 << 20
_AGAIN = "copy the model folder again from where it came, or train it again"


def manifest_path(given: Path) -> Path:
    """The manifest that ``--model`` names: the file itself, its folder, or the newest version in a model's folder.

    Raises InputError E801 where there is none.
    """
    if given.is_file():
        return given
    if (given / MANIFEST).is_file():
        return given / MANIFEST
    versions = sorted(path for path in given.glob(f"*/{MANIFEST}")) if given.is_dir() else []
    if not versions:
        raise InputError("E801", f"{given}: no {MANIFEST} there", "name a model's folder or its manifest.json")
    return versions[-1]


def model_files(given: Path) -> tuple[Path, ...]:
    """The files that decide what a model does."""
    path = manifest_path(given)
    return path, path.with_name(DATA)


def seal(manifest: Mapping[str, Any]) -> str:
    """sha256 of a manifest's content without its own seal."""
    return digest_bytes(json_bytes({key: value for key, value in manifest.items() if key != "seal"}))


def read_manifest(path: Path) -> dict[str, Any]:
    """A manifest whose seal agrees; raises InputError E801 (damaged, edited) or E803 (newer format)."""
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise InputError("E801", f"{path}: {problem}", _AGAIN) from problem
    if not isinstance(manifest, dict):
        raise InputError("E801", f"{path}: not a manifest", _AGAIN)
    version = manifest.get("model_format")
    if isinstance(version, int) and version > MODEL_FORMAT:
        raise InputError("E803", f"{path}: model format {version}", "update the program")
    if version != MODEL_FORMAT or manifest.get("seal") != seal(manifest):
        raise InputError("E801", f"{path}: its seal does not agree with its content", _AGAIN)
    return manifest


def read_model(given: Path) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Manifest and arrays of a model; raises InputError E801 where a file is missing, damaged or not the one sealed."""
    path = manifest_path(given)
    manifest = read_manifest(path)
    data = path.with_name(DATA)
    try:
        content = data.read_bytes()
    except OSError as problem:
        raise InputError("E801", f"{data}: {problem.strerror}", _AGAIN) from problem
    if digest_bytes(content) != manifest.get("sha256"):
        raise InputError("E801", f"{data}: its sha256 is not the one in {MANIFEST}", _AGAIN)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as members:
            if sum(member.file_size for member in members.infolist()) > MOST_BYTES:
                raise ValueError(f"more than {MOST_BYTES} bytes unpacked")
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            return manifest, {name: stored[name] for name in stored.files}
    except (ValueError, OSError, zipfile.BadZipFile) as problem:
        raise InputError("E801", f"{data}: {problem}", _AGAIN) from problem


def write_model(folder: Path, manifest: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> Path:
    """Write a model into the new ``folder``, the manifest last; the same bytes for the same model."""
    folder.mkdir(parents=True)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as members:
        for name in sorted(arrays):
            one = io.BytesIO()
            np.lib.format.write_array(one, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            members.writestr(zipfile.ZipInfo(f"{name}.npy"), one.getvalue(), zipfile.ZIP_DEFLATED)
    content = target.getvalue()
    write_bytes(folder / DATA, content)
    sealed = {**manifest, "model_format": MODEL_FORMAT, "sha256": digest_bytes(content)}
    write_bytes(folder / MANIFEST, json_bytes({**sealed, "seal": seal(sealed)}))
    return folder / MANIFEST
