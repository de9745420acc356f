"""The peers on made-up scenes with one bright square, and the functions taken from the ruler's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy.peers import Detection, ir_mad, pca_kmeans, peer_detections
from benchmarks.accuracy.ruler import Ruler, read_ruler
from benchmarks.accuracy.sets import Scene
from tests.imagery import BANDS, build, fields, noisy

SQUARE = (slice(30, 44), slice(40, 54))


def images() -> tuple[np.ndarray, np.ndarray]:
    ground = fields(100, 120)
    return noisy(ground, seed=1), noisy(build(1.2 * ground + 0.02, 30, 40), seed=2)


def f1(found: Detection) -> float:
    truth = np.zeros(found.mask.shape, dtype=bool)
    truth[SQUARE] = True
    return 2 * (found.mask & truth).sum() / (found.mask.sum() + truth.sum())


@pytest.mark.parametrize("method", [ir_mad, pca_kmeans])
def test_a_peer_finds_a_square_and_is_blind_where_nothing_is_known(method) -> None:
    before, after = images()
    known = np.ones(before.shape[1:], dtype=bool)
    known[:, :20] = False
    found = method(before, after, known)
    assert f1(found) > 0.8
    assert not found.mask[~known].any() and np.isfinite(found.score).all()
    assert found.score[SQUARE].mean() > found.score[known].mean()
    again = method(before, after, known)
    assert np.array_equal(found.score, again.score)


def test_mad_does_not_mind_another_gain_and_offset_of_each_band() -> None:
    before, after = images()
    known = np.ones(before.shape[1:], dtype=bool)
    gain = np.array([2.0, 0.5, 1.5, 3.0, 1.0, 0.7])[:, None, None]
    plain, turned = (ir_mad(before, image, known).score for image in (after, gain * after - 0.1))
    assert np.corrcoef(plain.ravel(), turned.ravel())[0, 1] > 0.999


def test_all_peers_run_where_bands_are_lacking(ruler: Ruler, tmp_path: Path) -> None:
    before, after = images()
    order = [BANDS.index(name) for name in ("red", "green", "blue")]
    known = np.ones(before.shape[1:], dtype=bool)
    nothing = np.zeros_like(known)
    scene = Scene(before[order], after[order], ("red", "green", "blue"), nothing, known, 10.0)
    names = [one.method for one in peer_detections(scene, ruler, tmp_path)]
    assert names[:4] == ["CVA+Otsu", "smoothed CVA hysteresis", "IR-MAD+Otsu", "PCA-KMeans"]


def test_masks_of_fine_images_are_cleaned_to_forty_square_metres(ruler: Ruler, tmp_path: Path) -> None:
    before, after = images()
    known = np.ones(before.shape[1:], dtype=bool)
    coarse, fine = (
        peer_detections(Scene(before, after, BANDS, ~known, known, gsd), ruler, tmp_path)[0] for gsd in (10.0, 1.0)
    )
    assert fine.mask.sum() < coarse.mask.sum()
    assert np.array_equal(fine.mask, ruler.clean(coarse.mask, 40))


def test_a_ruler_without_its_functions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no ruler"):
        read_ruler(tmp_path / "none.py")
    (tmp_path / "empty.py").write_text("def pix(): ...\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="lacks prf, obj"):
        read_ruler(tmp_path / "empty.py")


@pytest.mark.real_data
def test_the_real_ruler_counts_as_ours_does(real_data: Path, ruler: Ruler) -> None:
    real = read_ruler(real_data.parent / "bench" / "score_pairs.py")
    rng = np.random.default_rng(6)
    truth, mask = (np.kron(rng.random((12, 15)) > 0.7, np.ones((4, 4))) > 0 for _ in range(2))
    assert real.obj(mask, truth).tolist() == ruler.obj(mask, truth).tolist()
    assert real.pix(mask, truth).tolist() == ruler.pix(mask, truth).tolist()
    found, moved = real.peers(*images())
    assert set(found) == {"peer CVA+Otsu", "peer smoothed CVA hysteresis"} and moved.shape == (6, 100, 120)
