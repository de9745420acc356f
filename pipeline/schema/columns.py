"""Short ways to write a column down."""

from __future__ import annotations

from pipeline.schema.table import Column


def text(name: str, label: str, null: bool = False) -> Column:
    """A column of words."""
    return Column(name, "text", label, null=null)


def real(name: str, label: str, unit: str = "", null: bool = False) -> Column:
    """A column of real numbers."""
    return Column(name, "real", label, unit, null)


def integer(name: str, label: str, unit: str = "", null: bool = False) -> Column:
    """A column of whole numbers."""
    return Column(name, "integer", label, unit, null)


def date(name: str, label: str, null: bool = False) -> Column:
    """A column of days."""
    return Column(name, "date", label, null=null)


def flag(name: str, label: str) -> Column:
    """A column of yes and no."""
    return Column(name, "flag", label)


def json(name: str, label: str, null: bool = False) -> Column:
    """A column of JSON values, as text."""
    return Column(name, "json", label, null=null)
