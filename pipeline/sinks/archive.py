"""Zip files with the same bytes for the same members."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import date

_WINDOWS = 0
_COMPRESSION_LEVEL = 6


def zip_bytes(members: Mapping[str, bytes], *, day: date) -> bytes:
    """A zip of ``members`` (name inside to content) in the given order, every member dated ``day``.

    Names are stored as UTF-8, so that Chinese names come out right on Windows 10 and Linux.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION_LEVEL) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, date_time=(day.year, day.month, day.day, 0, 0, 0))
            info.create_system = _WINDOWS
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content, compresslevel=_COMPRESSION_LEVEL)
    return target.getvalue()


def redated_zip(content: bytes, *, day: date, replace: Mapping[str, bytes]) -> bytes:
    """The same zip with every member dated ``day`` and the members named in ``replace`` exchanged."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: replace.get(name) or archive.read(name) for name in archive.namelist()}
    return zip_bytes(members, day=day)
