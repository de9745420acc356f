"""A user's own ONNX network: its manifest, its file and its golden tile, all checked before anything is computed.

``network.json`` holds ``network_format, name, file, sha256, bands, scale, offset, gsd_m, tile_px, stride_px, inputs,
output, output_kind, licence, golden, golden_sha256``. The network takes the two images of a tile, (1, band, y, x)
float32 each under the two names of ``inputs`` (or one input with both, before first), in stored numbers
``(reflectance - offset) / scale``, and gives one layer (1, 1, y, x) of log odds or probabilities of change.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.store import digest_bytes

FloatArray = NDArray[np.float32]
MANIFEST = "network.json"
NETWORK_FORMAT = 1
AGREEMENT = 1e-3
_KINDS = ("log_odds", "probability")
_EDGE = 1e-6


@dataclass(frozen=True)
class Network:
    """A checked network; calling it with one tile of each image (band, y, x) in reflectance gives log odds (y, x)."""

    name: str
    content: bytes
    sha256: str
    bands: tuple[str, ...]
    scale: float
    offset: float
    gsd_m: tuple[float, float]
    tile_px: int
    stride_px: int
    inputs: tuple[str, ...]
    output: str
    output_kind: str
    licence: str

    def __call__(self, before: FloatArray, after: FloatArray) -> FloatArray:
        session = _session(self.sha256, self.content)
        first, second = (((image - self.offset) / self.scale).astype(np.float32)[None] for image in (before, after))
        given = {self.inputs[0]: np.concatenate([first, second], axis=1)}
        if len(self.inputs) == 2:
            given = {self.inputs[0]: first, self.inputs[1]: second}
        said = np.asarray(session.run([self.output], given)[0], dtype=np.float32).reshape(before.shape[1:])
        if self.output_kind == "log_odds":
            return said
        chance = np.clip(said, _EDGE, 1.0 - _EDGE)
        return np.log(chance / (1.0 - chance)).astype(np.float32)


_SESSIONS: dict[str, Any] = {}


def _session(digest: str, content: bytes) -> Any:
    """One session a process and network, on one thread, so that its sums come in one order."""
    if digest not in _SESSIONS:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        _SESSIONS[digest] = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return _SESSIONS[digest]


def network_files(given: Path) -> tuple[Path, ...]:
    """The files that decide what a network says: manifest, network and golden tile."""
    path = given / MANIFEST if given.is_dir() else given
    manifest = _manifest(path)
    return path, path.with_name(str(manifest["file"])), path.with_name(str(manifest["golden"]))


def read_network(given: Path) -> Network:
    """A network whose hashes agree and that answers its golden tile as its maker says.

    Raises InputError E801 (missing, damaged, other hash), E803 (newer format), E806 (onnxruntime is not installed),
    E807 (another answer than the golden tile's).
    """
    path = given / MANIFEST if given.is_dir() else given
    manifest = _manifest(path)
    content = _content(path.with_name(str(manifest["file"])), str(manifest["sha256"]))
    golden = path.with_name(str(manifest["golden"]))
    _content(golden, str(manifest["golden_sha256"]))
    if importlib.util.find_spec("onnxruntime") is None:
        raise InputError("E806", f"{path} needs onnxruntime", "install xuncha with its extra: pip install xuncha[onnx]")
    network = _network(path, manifest, content)
    _check_golden(network, golden)
    return network


def _manifest(path: Path) -> Mapping[str, Any]:
    hint = "see docs/training.md for what network.json holds"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise InputError("E801", f"{path}: {problem}", hint) from problem
    needed = ("network_format", "name", "file", "sha256", "bands", "scale", "offset", "gsd_m", "tile_px", "stride_px",
              "inputs", "output", "output_kind", "licence", "golden", "golden_sha256")  # fmt: skip
    lacking = [key for key in needed if not isinstance(manifest, dict) or key not in manifest]
    if lacking:
        raise InputError("E801", f"{path}: no {', '.join(lacking)}", hint)
    if manifest["network_format"] != NETWORK_FORMAT:
        raise InputError("E803", f"{path}: network format {manifest['network_format']}", "update the program")
    return manifest


def _content(path: Path, digest: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise InputError("E801", f"{path}: {problem.strerror}", "copy the network's folder again") from problem
    if digest_bytes(content) != digest:
        raise InputError("E801", f"{path}: its sha256 is not the one in {MANIFEST}", "copy the network's folder again")
    return content


def _network(path: Path, manifest: Mapping[str, Any], content: bytes) -> Network:
    try:
        network = Network(
            str(manifest["name"]), content, str(manifest["sha256"]), tuple(str(name) for name in manifest["bands"]),
            float(manifest["scale"]), float(manifest["offset"]),
            (float(manifest["gsd_m"][0]), float(manifest["gsd_m"][1])), int(manifest["tile_px"]),
            int(manifest["stride_px"]), tuple(str(name) for name in manifest["inputs"]), str(manifest["output"]),
            str(manifest["output_kind"]), str(manifest["licence"]),
        )  # fmt: skip
        sizes = 16 <= network.tile_px <= 2048 and 1 <= network.stride_px <= network.tile_px
        if not (sizes and network.scale > 0 and len(network.inputs) in (1, 2) and network.output_kind in _KINDS):
            raise ValueError(
                "tile_px 16 to 2048, stride_px up to it, scale above 0, one or two inputs, log_odds or probability"
            )
    except (TypeError, ValueError, IndexError) as problem:
        raise InputError("E801", f"{path}: {problem}", "see docs/training.md for what network.json holds") from problem
    return network


def _check_golden(network: Network, golden: Path) -> None:
    """The golden tile is an npz of ``before``, ``after`` (band, y, x) in reflectance and ``log_odds`` (y, x)."""
    try:
        with np.load(golden, allow_pickle=False) as stored:
            before, after, wanted = (stored[name].astype(np.float32) for name in ("before", "after", "log_odds"))
    except (KeyError, ValueError, OSError) as problem:
        raise InputError("E801", f"{golden}: {problem}", "copy the network's folder again") from problem
    try:
        said = network(before, after)
    except Exception as problem:  # onnxruntime raises types of its own, for any fault of the file or its inputs
        raise InputError("E807", f"{golden}: {problem}", "check the manifest's inputs, bands and output") from problem
    gap = float(np.max(np.abs(said - wanted))) if said.shape == wanted.shape else float("inf")
    if not gap <= AGREEMENT:
        raise InputError("E807", f"{golden}: log odds differ by {gap:.4g}", "check bands, scale and output_kind")
