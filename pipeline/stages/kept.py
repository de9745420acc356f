"""The city's land layers, conformed once for as long as nothing changes that decides them."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline import FORMAT_VERSION, __version__
from pipeline.sources.kept_layers import KeptLayers, keep_layers
from pipeline.stages.base import LAYER_RULES, StageContext, city_extent, rule_digests
from pipeline.store import digest_bytes, digest_tree, json_bytes

KEPT_FOLDER = ".kept-layers"
"""Below the city folder; may be deleted at any time."""


def kept_layers(context: StageContext) -> KeptLayers:
    """The city's layers as ``context.layers()`` reads them, from disk and ready to be asked for parts.

    They are conformed when no kept ones are of the same files, extent, rules and program; older ones are then deleted.
    Raises InputError E301 to E308.
    """
    crs, extent = context.config.city.crs, city_extent(context.city, context.config)
    decided = {
        "format_version": FORMAT_VERSION,
        "version": __version__,
        "crs": crs,
        "extent": extent,
        "rules": rule_digests(*LAYER_RULES),
        "files": digest_tree(context.city / "layers"),
    }
    all_kept = context.city / KEPT_FOLDER
    folder = all_kept / digest_bytes(json_bytes(decided))[:16]
    if not folder.is_dir():
        _keep(context.city / "layers", crs, extent, folder)
        for other in sorted(all_kept.iterdir()):
            if other != folder:
                shutil.rmtree(other)
    return KeptLayers(folder, crs)


def _keep(layers: Path, crs: str, extent: tuple[float, float, float, float] | None, folder: Path) -> None:
    """Conform layers into a folder that appears only when complete."""
    partial = folder.with_name(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        keep_layers(layers, crs, extent, partial)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
