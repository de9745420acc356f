"""A small ruler in the form of the real one: functions between imports and a script that must not run."""

import argparse

import numpy as np
from scipy import ndimage as ndi


def pix(m, y):
    return np.array([(m & y).sum(), (m & ~y).sum(), (~m & y).sum()], float)


def prf(v):
    p, r = v[0] / max(v[0] + v[1], 1), v[0] / max(v[0] + v[2], 1)
    return p, r, 2 * p * r / max(p + r, 1e-9)


def covered(m, y, minpx, ov):
    parts, count = ndi.label(m, np.ones((3, 3)))
    shares = [(y[parts == at].mean(), (parts == at).sum()) for at in range(1, count + 1)]
    large = [share for share, size in shares if size >= minpx]
    return [len(large), sum(share >= ov for share in large)]


def obj(m, y, minpx=10, ov=0.3):
    return np.array(covered(y, m, minpx, ov) + covered(m, y, minpx, ov), float)


def clean(m, minpx=10):
    parts, count = ndi.label(m, np.ones((3, 3)))
    return np.isin(parts, [at for at in range(1, count + 1) if (parts == at).sum() >= minpx])


def peers(a, b):
    d = b - a
    s = np.sqrt(((d - np.median(d, (1, 2), keepdims=True)) ** 2).sum(0))
    return {"peer CVA+Otsu": (s > np.quantile(s, 0.9), s), "peer smoothed CVA hysteresis": (s > 1e9, s)}, b


ap = argparse.ArgumentParser()
ap.add_argument("pairs")
ap.parse_args(["this", "must", "not", "run"])
