"""Which role a delivered layer plays: told by a name that is known and by the fields the role needs, never by one alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.rulebook import LayerAlias
from pipeline.sources.layer_files import LayerFile, name_fits


@dataclass(frozen=True)
class Recognised:
    """A delivered layer and its role; ``columns``: schema column to field, ``lacking``: required fields it has not."""

    role: LayerAlias
    file: LayerFile
    columns: dict[str, str]
    lacking: tuple[str, ...]


def recognise(files: Sequence[LayerFile], aliases: Sequence[LayerAlias]) -> tuple[list[Recognised], list[LayerFile]]:
    """Layers whose name fits a role, each with the fields found for it; and the layers whose name fits none.

    A layer's own name goes before those of the files around it, a role whose required fields are all there before
    one that lacks some, a longer name before a shorter one.
    """
    known: list[Recognised] = []
    strangers: list[LayerFile] = []
    for file in files:
        fits = [
            (not found.lacking, -rank, len(name), found)
            for alias in aliases
            for found in (_with_columns(file, alias),)
            for name in alias.names
            for rank, own in enumerate(file.names)
            if name_fits(own, name)
        ]
        if fits:
            known.append(max(fits, key=lambda fit: fit[:3])[3])
        else:
            strangers.append(file)
    return known, strangers


def resembled(file: LayerFile, aliases: Sequence[LayerAlias]) -> list[str]:
    """Labels of the roles whose required fields a layer has, two of its fields at least, though no name says so."""
    found = [_with_columns(file, alias) for alias in aliases]
    return [one.role.label for one in found if not one.lacking and len(set(one.columns.values())) > 1]


def _with_columns(file: LayerFile, role: LayerAlias) -> Recognised:
    by_upper = {field.upper(): field for field in reversed(file.fields)}
    columns = {}
    for wanted in role.fields:
        present = [by_upper[name.upper()] for name in wanted.names if name.upper() in by_upper]
        if present:
            columns[wanted.column] = present[0]
    lacking = tuple("/".join(f.names) for f in role.fields if f.required and f.column not in columns)
    return Recognised(role, file, columns, lacking)
