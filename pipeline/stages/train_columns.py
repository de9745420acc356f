"""Which features a training tries, by profile and use."""

from __future__ import annotations

from pipeline.detect.change import FEATURES
from pipeline.detect.context import HAND_ODDS, INDICES, NETWORK
from pipeline.detect.model import Column

_PLAIN = (HAND_ODDS, "ndvi_after", "mndwi_after", "ndbi_after@1", "ndvi_before", "bsi_after")


def wanted_columns(*, ranks: bool, network: bool = False) -> tuple[Column, ...]:
    """Columns to be tried; those whose bands are missing are left out later.

    With ``ranks`` features count by their rank in the scene, which presumes that every scene holds some change, as
    pairs years apart do; a month must not presume that.
    """
    names = [*FEATURES]
    for index in INDICES:
        names += [f"{index}_after@1", f"{index}_rise@1", f"{index}_after_local", f"{index}_rise_local"]
    names += ["ndvi_before@1", "light_before@1"]
    names += ["decorrelation_red@3", "decorrelation_nir@3", "decorrelation_swir1@3", "decorrelation_nir@1.5"]
    names += ["change@1.5", "change@4", "change@8", "angle"]
    names += [f"texture_{band}_{word}" for band in ("light", "nir") for word in ("after", "rise")]
    names += ["edges_after@2"]
    if not ranks:
        return tuple(Column(name, "plain") for name in (HAND_ODDS, *names, *([NETWORK] if network else [])))
    plain = [Column(name, "plain") for name in (*_PLAIN, *([NETWORK] if network else []))]
    return (*plain, Column(HAND_ODDS, "rank"), *(Column(name, "rank") for name in names))
