"""Zipped layers: what belongs to layers is unpacked into a scratch folder, within bounds."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from pipeline.errors import InputError

MAX_UNPACKED_BYTES = 4 * 1024**3
MAX_MEMBERS = 5_000
LAYER_SUFFIXES = frozenset({".gpkg", ".geojson", ".json", ".parquet"})
SHAPEFILE_SUFFIXES = frozenset({".shp", ".shx", ".dbf", ".prj", ".cpg"})
_CHUNK = 1 << 20
_UTF8_FLAG, _ENCRYPTED_FLAG = 0x800, 0x1


def unpack(archive: Path, scratch: Path, *, max_bytes: int = MAX_UNPACKED_BYTES) -> list[str]:
    """Unpack a zip's shapefiles, FileGDB folders and single-file layers into ``scratch``; the members left out.

    Only members that can belong to a layer are unpacked, none outside ``scratch``, and never more than ``max_bytes`` or
    the free room of the disk, whatever sizes the archive states. Raises InputError E301.
    """
    left_out: list[str] = []
    room = min(max_bytes, shutil.disk_usage(scratch).free // 2)
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            if len(members) > MAX_MEMBERS:
                raise _refused(archive, f"{len(members)} files inside, more than {MAX_MEMBERS}")
            if sum(member.file_size for member in members if _wanted(_name(member))) > room:
                raise _refused(archive, f"unpacked it is larger than {room // 1024**2} MB")
            for member in members:
                name = _name(member)
                if not _wanted(name):
                    left_out.append(name)
                    continue
                if member.flag_bits & _ENCRYPTED_FLAG:
                    raise _refused(archive, "it is protected by a password")
                target = _inside(archive, scratch, name)
                with opened.open(member) as packed, target.open("xb") as out:
                    room -= _copy(packed, out, room, archive)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as problem:
        raise _refused(archive, str(problem)) from problem
    return left_out


def _refused(archive: Path, why: str) -> InputError:
    return InputError("E301", f"{archive.name}: {why}", "unpack it and put the layer itself there")


def _name(member: zipfile.ZipInfo) -> str:
    """A member's name; without the UTF-8 flag its bytes are UTF-8 or GB18030, whatever the zip standard says."""
    if member.flag_bits & _UTF8_FLAG:
        return member.filename
    try:
        raw = member.filename.encode("cp437")
    except UnicodeEncodeError:
        return member.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return member.filename


def _wanted(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    in_geodatabase = any(part.lower().endswith(".gdb") for part in path.parts[:-1])
    return in_geodatabase or path.suffix.lower() in LAYER_SUFFIXES | SHAPEFILE_SUFFIXES


def _inside(archive: Path, scratch: Path, name: str) -> Path:
    """The member's place below ``scratch``, its folders made; E301 for a name that leads out of it or comes twice."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or any(part in ("..", "/") or ":" in part for part in parts):
        raise _refused(archive, f"the name {name!r} leads out of the archive")
    target = scratch.joinpath(*parts)
    if target.exists():
        raise _refused(archive, f"{name} is inside twice")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _copy(packed: IO[bytes], out: IO[bytes], room: int, archive: Path) -> int:
    written = 0
    while chunk := packed.read(_CHUNK):
        written += len(chunk)
        if written > room:
            raise _refused(archive, "unpacked it is larger than it states")
        out.write(chunk)
    return written
