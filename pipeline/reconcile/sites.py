"""Which targets may be one and the same site: a report of one part must protect the patroller for the others too."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import geopandas as gpd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Row = dict[str, Any]


def site_numbers(targets: gpd.GeoDataFrame, *, same_site_m: float) -> dict[str, int]:
    """Number targets (projected metre CRS) so that those within ``same_site_m`` of each other, in chains, share one.

    A large site is often detected in parts; a patroller writes it down once.
    """
    names = targets["target_id"].tolist()
    left, right = targets.sindex.query(targets.geometry, predicate="dwithin", distance=same_site_m)
    links = coo_array(([True] * len(left), (left, right)), shape=(len(names), len(names)))
    _, numbers = connected_components(links, directed=False)
    return dict(zip(names, numbers.tolist(), strict=True))


def reported_beside(
    sites: Mapping[str, int], linked: Mapping[str, Sequence[Row]], refused: Mapping[str, Collection[str]]
) -> dict[str, tuple[str, str]]:
    """Per target the (entry, other target) of an entry surely about another part of what may be the same site.

    ``sites``: :func:`site_numbers`; ``linked``: entries per target with ``sure``; ``refused``: entries by target
    that a person declared different.
    """
    told: dict[int, list[tuple[str, str]]] = {}
    for name, site in sorted(sites.items()):
        told.setdefault(site, []).extend((row["entry_id"], name) for row in linked.get(name, []) if row["sure"])
    beside: dict[str, tuple[str, str]] = {}
    for name, site in sorted(sites.items()):
        others = sorted(pair for pair in told[site] if pair[1] != name and pair[0] not in refused.get(name, ()))
        if others:
            beside[name] = others[0]
    return beside
