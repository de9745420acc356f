"""A PostGIS server of the tests' own: a cluster in a temporary folder, reached by a socket in it, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import psycopg
from psycopg import sql

USER = "xuncha"
PACKAGES = "apt install postgresql-15-postgis-3"
_OPTIONS = "-c listen_addresses= -c fsync=off -c full_page_writes=off -c autovacuum=off"


def programs() -> Path | None:
    """The newest PostgreSQL on this machine that has PostGIS, as Debian lays it out."""
    found = [
        path / "bin"
        for path in sorted(Path("/usr/lib/postgresql").glob("*"), key=lambda path: int(path.name))
        if (path / "bin" / "initdb").is_file()
        and Path(f"/usr/share/postgresql/{path.name}/extension/postgis.control").is_file()
    ]
    return found[-1] if found else None


@dataclass(frozen=True)
class Server:
    """A running server; ``folder`` holds its socket. Everyone may connect but ``guarded``, who needs a password."""

    folder: Path

    def connect(self, database: str = "layers") -> Any:
        return psycopg.connect(host=str(self.folder), user=USER, dbname=database, autocommit=True)

    def run(self, *statements: str, database: str = "layers") -> None:
        with self.connect(database) as connection:
            for statement in statements:
                connection.execute(statement)

    def connection(self, database: str = "layers", user: str = USER) -> dict[str, str]:
        """The section ``connection`` of a list."""
        return {"host": str(self.folder), "dbname": database, "user": user}

    def new_database(self, name: str, encoding: str = "UTF8", *, postgis: bool = True) -> None:
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
        if postgis:
            self.run("CREATE EXTENSION postgis", database=name)

    def load(
        self, table: str, frame: gpd.GeoDataFrame, srid: int, *, kinds: dict[str, str] | None = None,
        shape: str = "geometry", database: str = "layers",
    ) -> None:  # fmt: skip
        """Write a frame as ``schema.table``: names in lower case, a key, text columns but for ``kinds``."""
        schema, name = table.split(".")
        columns = [str(column) for column in frame.columns if column != frame.geometry.name]
        kinds = {"TBMJ": "double precision"} | (kinds or {})
        described = ", ".join(f'"{column.lower()}" {kinds.get(column, "varchar(200)")}' for column in columns)
        place = sql.Identifier(schema, name)
        with self.connect(database) as connection:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            connection.execute(
                sql.SQL("CREATE TABLE {} (gid int PRIMARY KEY, " + described + f", geom {shape})").format(place)
            )
            marks = ", ".join(["%s"] * (len(columns) + 1))
            into = sql.SQL(
                "INSERT INTO {} VALUES (" + marks + f", ST_SetSRID(ST_GeomFromWKB(%s), {srid})::{shape})"
            ).format(place)
            rows = zip(*(frame[column] for column in columns), frame.geometry.to_wkb(), strict=True)
            # last row first, so that nothing but the key brings them into order
            for number, row in reversed(list(enumerate(rows))):
                connection.execute(into, (number, *row))


@contextmanager
def running(binaries: Path) -> Iterator[Server]:
    """Start a server with the database ``layers``; PostgreSQL refuses root, so root hands it to another user."""
    folder = Path(tempfile.mkdtemp(prefix="xpg-", dir="/tmp" if os.geteuid() == 0 else None))
    as_user: list[str] = []
    if os.geteuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = "postgres" if "postgres" in names else "nobody"
        shutil.chown(folder, user)
        as_user = ["runuser", "-u", user, "--"]

    def call(program: str, *arguments: str) -> None:
        subprocess.run(
            [*as_user, str(binaries / program), *arguments], check=True, cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120,
        )  # fmt: skip

    data = str(folder / "data")
    try:
        call("initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        rules = folder / "data" / "pg_hba.conf"
        rules.write_text("local all guarded scram-sha-256\n" + rules.read_text(encoding="utf-8"), encoding="utf-8")
        call("pg_ctl", "-D", data, "-w", "-s", "-l", str(folder / "log"), "-o", f"-k {folder} {_OPTIONS}", "start")
        try:
            server = Server(folder)
            server.new_database("layers")
            yield server
        finally:
            call("pg_ctl", "-D", data, "-w", "-s", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
