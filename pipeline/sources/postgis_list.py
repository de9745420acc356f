"""``layers/postgis.yaml``: which tables of which PostGIS database are fetched as layers, and under which names."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from pipeline.config import Section
from pipeline.errors import InputError
from pipeline.sources.layer_files import DATABASE_LIST

_NAME = re.compile(r'[^<>:"/\\|?*\x00-\x1f]{1,80}')
_DEVICES = frozenset({"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))})
_EXAMPLE = "see `layers/` in docs/city-folder.md for an example"


class Connection(Section):
    """Where the database is, in libpq's words; what is left out comes from libpq's own defaults and variables.

    There is no password: libpq takes it from PGPASSWORD or from the file pgpass.
    """

    service: str | None = None
    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    dbname: str | None = None
    user: str | None = None
    sslmode: str | None = None

    @field_validator("dbname")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        # libpq takes such a dbname for a whole connection string, which could hold a password
        if value is not None and ("=" in value or "://" in value):
            raise ValueError("the name of a database, no connection string")
        return value

    @property
    def place(self) -> str:
        """The database, for messages."""
        where = f"{self.host or 'the local server'}{f':{self.port}' if self.port else ''}"
        return f"service {self.service}" if self.service else f"database {self.dbname or '(default)'} on {where}"


class ListedTable(Section):
    """One table or view: ``schema.table``, its geometry column if it has several, the layer's name, rows wanted."""

    table: Annotated[str, Field(min_length=1)]
    geometry: str | None = None
    name: str = ""
    where: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """The table's own name where no other is given."""
        if isinstance(value, dict) and not value.get("name") and isinstance(value.get("table"), str):
            return value | {"name": value["table"].partition(".")[2] or value["table"]}
        return value

    @field_validator("name")
    @classmethod
    def _file_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value) or value != value.strip(" .") or value.partition(".")[0].upper() in _DEVICES:
            raise ValueError("not usable as a file name")
        return value

    @field_validator("where")
    @classmethod
    def _one_condition(cls, value: str | None) -> str | None:
        if value is not None and (";" in value or not value.strip()):
            raise ValueError("one SQL condition, without ';'")
        return value

    @property
    def parts(self) -> tuple[str, str]:
        """Schema (``public`` where none is named) and table."""
        schema, dot, table = self.table.partition(".")
        return (schema, table) if dot else ("public", schema)


class DatabaseList(Section):
    """The whole file."""

    connection: Connection
    tables: Annotated[tuple[ListedTable, ...], Field(min_length=1)]


def read_list(layers: Path) -> DatabaseList:
    """The list in a layer folder.

    Raises InputError E314 (missing, not YAML, a key or value that is not allowed, a password in it) or E313 (two
    tables that would be written under one name).
    """
    path = layers / DATABASE_LIST
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise InputError("E314", f"{path}: {problem}", _EXAMPLE) from problem
    connection = data.get("connection") if isinstance(data, dict) else None
    if isinstance(connection, dict) and any(str(key).lower() in ("password", "passwd", "pwd") for key in connection):
        raise InputError(
            "E314", f"{path}: connection holds a password", "take it out; libpq reads PGPASSWORD or the file pgpass"
        )
    try:
        listed = DatabaseList.model_validate(data)
    except ValidationError as problem:
        first = problem.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "(whole file)"
        raise InputError("E314", f"{path}: {key}: {first['msg']}", _EXAMPLE) from None
    _require_own_names(listed, path)
    return listed


def _require_own_names(listed: DatabaseList, path: Path) -> None:
    """Raise E313 where two tables would be one file, also on a disk that does not tell upper from lower case."""
    seen: dict[str, ListedTable] = {}
    for entry in listed.tables:
        earlier = seen.setdefault(unicodedata.normalize("NFC", entry.name).casefold(), entry)
        if earlier is not entry:
            raise InputError(
                "E313", f"{path}: {earlier.table} and {entry.table} are both {entry.name}", "give one another name"
            )
