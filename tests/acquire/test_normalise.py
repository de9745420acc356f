from __future__ import annotations

import numpy as np

from pipeline.acquire.normalise import apply_gain, fit_gain
from pipeline.values import Gain


def samples(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    reference = rng.uniform(0.05, 0.4, (3, 6000)).astype(np.float32)
    return reference, (np.arange(6000) % 2).astype(bool)


def test_equal_images_need_no_correction() -> None:
    reference, held_out = samples()
    gain = fit_gain(reference, reference, held_out, max_slope=1.4, same_scale=True)
    assert gain.method == "none" and gain.held_out_residual == 0.0


def test_a_known_gain_and_offset_are_undone() -> None:
    reference, held_out = samples()
    moving = ((reference - 0.02) / 1.2).astype(np.float32)
    moving[:, ::10] += 0.3  # changed ground
    gain = fit_gain(reference, moving, held_out, max_slope=1.4, same_scale=True)
    np.testing.assert_allclose(gain.slope, 1.2, atol=0.03)
    np.testing.assert_allclose(gain.offset, 0.02, atol=0.01)


def test_slopes_are_limited_only_on_a_common_scale() -> None:
    reference, held_out = samples()
    moving = (reference / 20.0).astype(np.float32)
    assert max(fit_gain(reference, moving, held_out, max_slope=1.4, same_scale=True).slope) <= 1.4
    free = fit_gain(reference, moving, held_out, max_slope=1.4, same_scale=False)
    np.testing.assert_allclose(free.slope, 20.0, rtol=0.02)


def test_too_few_samples_change_nothing() -> None:
    few = np.full((2, 20), 0.2, dtype=np.float32)
    gain = fit_gain(few, few * 2, np.zeros(20, dtype=bool), max_slope=1.4, same_scale=True)
    assert gain == Gain("none", (1.0, 1.0), (0.0, 0.0), 0.0)


def test_gain_keeps_missing_pixels() -> None:
    image = np.array([[[0.1, np.nan]]], dtype=np.float32)
    found = apply_gain(image, Gain("ratio", (2.0,), (0.1,), 0.0))
    np.testing.assert_allclose(found, [[[0.3, np.nan]]], rtol=1e-6)
