"""A real ONNX file, written by hand, through the tiles: (mean after - mean before) * 20 as log odds."""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.execute import Execution
from pipeline.sources.network import Network, read_network
from pipeline.sources.raster import open_image, opened
from pipeline.stages.evidence import PairRasters
from pipeline.stages.network import require_network_fit, write_network
from tests.imagery import BANDS, build, fields, noisy, write


def field(number: int, content: bytes | int) -> bytes:
    """One protobuf field: a varint, or bytes with their length."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def node(kind: str, inputs: list[str], output: str, attributes: bytes = b"") -> bytes:
    given = b"".join(field(1, name.encode()) for name in inputs)
    return field(1, given + field(2, output.encode()) + field(4, kind.encode()) + attributes)


def tensor_info(name: str, channels: int) -> bytes:
    sizes = b"".join(
        field(1, field(2, text.encode())) if text else field(1, field(1, channels)) for text in ("n", "", "y", "x")
    )
    return field(1, name.encode()) + field(2, field(1, field(1, 1) + field(2, sizes)))


def onnx_bytes(channels: int = 6) -> bytes:
    """Subtract, mean over bands by a 1 x 1 convolution of 20 / channels: a graph of opset 13, IR version 8."""
    weights = struct.pack(f"<{channels}f", *[20.0 / channels] * channels)
    dims = b"".join(field(1, size) for size in (1, channels, 1, 1))
    initial = dims + field(2, 1) + field(8, b"w") + field(9, weights)
    graph = (
        node("Sub", ["after", "before"], "d")
        + node("Conv", ["d", "w"], "said")
        + field(2, b"difference")
        + field(5, initial)
        + field(11, tensor_info("before", channels))
        + field(11, tensor_info("after", channels))
        + field(12, tensor_info("said", 1))
    )
    return field(1, 8) + field(7, graph) + field(8, field(1, b"") + field(2, 13))


def network_folder(folder: Path, *, wrong: float = 0.0, **changes: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "difference.onnx").write_bytes(onnx_bytes())
    rng = np.random.default_rng(3)
    before, after = (rng.uniform(0.0, 0.5, (6, 32, 32)).astype(np.float32) for _ in range(2))
    np.savez(folder / "golden.npz", before=before, after=after, log_odds=20.0 * (after - before).mean(axis=0) + wrong)
    digests = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("difference.onnx", "golden.npz")]
    manifest = {
        "network_format": 1, "name": "difference", "file": "difference.onnx", "sha256": digests[0],
        "bands": list(BANDS), "scale": 1.0, "offset": 0.0, "gsd_m": [8.0, 12.0], "tile_px": 64, "stride_px": 48,
        "inputs": ["before", "after"], "output": "said", "output_kind": "log_odds", "licence": "own",
        "golden": "golden.npz", "golden_sha256": digests[1], **changes,
    }  # fmt: skip
    (folder / "network.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def refused(code: str, folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_network(folder)
    assert caught.value.code == code
    return caught.value.message


def test_a_network_that_was_touched_or_lacks_a_part_is_refused(tmp_path: Path) -> None:
    refused("E801", tmp_path / "none")
    assert "sha256" in refused("E801", network_folder(tmp_path / "a", sha256="0" * 64))
    assert "sha256" in refused("E801", network_folder(tmp_path / "b", golden_sha256="0" * 64))
    refused("E803", network_folder(tmp_path / "c", network_format=2))
    (network_folder(tmp_path / "d") / "network.json").write_text("{}", encoding="utf-8")
    assert "bands" in refused("E801", tmp_path / "d")


def test_without_onnxruntime_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "onnxruntime" in refused("E806", network_folder(tmp_path / "n"))


def test_the_golden_tile_decides_whether_a_network_is_understood(tmp_path: Path) -> None:
    network = read_network(network_folder(tmp_path / "good"))
    assert network.licence == "own"
    assert "differ" in refused("E807", network_folder(tmp_path / "wrong", wrong=0.1))
    refused("E807", network_folder(tmp_path / "scale", scale=1e-4))
    refused("E807", network_folder(tmp_path / "output", output="nothing"))
    refused("E801", network_folder(tmp_path / "tile", tile_px=4))


def written(network: Network, folder: Path, execution: Execution) -> np.ndarray:
    image = fields(600, 530)
    before = write(folder / "b.tif", noisy(image, seed=1), dtype="float32", scale=1.0)
    after = write(folder / "a.tif", noisy(build(image, 505, 300, 30), seed=2), dtype="float32", scale=1.0)
    pair = PairRasters(before, after, BANDS)
    write_network(network, pair, open_image(before).geobox, folder / "said.tif", execution)
    with opened(folder / "said.tif") as dataset, opened(before) as first, opened(after) as second:
        expected = 20.0 * (second.read() - first.read()).mean(axis=0)
        said = dataset.read(1)
    np.testing.assert_allclose(said, expected, atol=1e-4)
    return said


def test_blended_tiles_have_no_seams_and_do_not_depend_on_blocks(tmp_path: Path) -> None:
    network = read_network(network_folder(tmp_path / "network"))
    one = written(network, tmp_path / "one", Execution("synchronous", 1))
    two = written(network, tmp_path / "two", Execution("threads", 2, 512))
    assert (one == two).all()


def test_a_network_for_other_bands_or_another_resolution_is_refused(tmp_path: Path) -> None:
    network = read_network(network_folder(tmp_path / "network"))
    for bands, pixel_m in ((BANDS[:4], 10.0), (BANDS, 2.0)):
        with pytest.raises(InputError) as caught:
            require_network_fit(network, bands=bands, pixel_m=pixel_m)
        assert caught.value.code == "E802"
    require_network_fit(network, bands=BANDS, pixel_m=10.0)
