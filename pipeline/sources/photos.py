"""Picture files to what they say of themselves: hash, look, EXIF position, time and camera."""

from __future__ import annotations

import io
import math
import re
import struct
import warnings
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from pipeline.ledger.photos import LOOK_BITS, RawPhoto
from pipeline.sources.unit_folders import UnitFile

READ_SUFFIXES = (".jpg", ".jpeg", ".png")
LISTED_SUFFIXES = (".heic", ".heif")
SUFFIXES = READ_SUFFIXES + LISTED_SUFFIXES
_SIDE = math.isqrt(LOOK_BITS)
# a picture with less contrast than this (of 255) is a blank page or a covered lens: its look says nothing
_LEAST_CONTRAST = 6.0
_WGS84_NAMES = ("WGS84", "WGS1984", "CGCS2000")
_DATUM_NAMES = {"GCJ02": "GCJ-02", "BD09": "BD-09", "BD09LL": "BD-09"}
_CHINA_AHEAD = timedelta(hours=8)
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    ArithmeticError,
    struct.error,
    Image.DecompressionBombError,
)


def is_photo(file: UnitFile) -> bool:
    """Whether a delivered file is a picture by its suffix."""
    return file.path.suffix.lower() in SUFFIXES


def read_photo_files(files: Iterable[UnitFile], *, max_mb: float, max_megapixels: float) -> list[RawPhoto]:
    """All picture files, one value each, by name; a broken or too large one carries its ``problem``."""
    return [_read_file(file, max_mb, max_megapixels) for file in sorted(files, key=lambda file: file.name)]


def _read_file(file: UnitFile, max_mb: float, max_megapixels: float) -> RawPhoto:
    try:
        size = file.path.stat().st_size
        if size > max_mb * 1e6:
            # hashed piece by piece, so that the size of a file never decides how much memory it takes
            with file.path.open("rb") as stream:
                digest = sha256()
                while piece := stream.read(1 << 20):
                    digest.update(piece)
            return RawPhoto(file.unit_id, file.name, digest.hexdigest(), size, problem=f"超过{max_mb:g}MB，未读取")
        content = file.path.read_bytes()
    except OSError as problem:
        return RawPhoto(file.unit_id, file.name, "", 0, problem=f"无法读取：{problem.strerror}")
    return read_photo(content, unit_id=file.unit_id, file=file.name, max_megapixels=max_megapixels)


def read_photo(content: bytes, *, unit_id: str, file: str, max_megapixels: float) -> RawPhoto:
    """What a picture's bytes say. JPEG and PNG are read, HEIC only listed.

    EXIF means positions in WGS84 unless GPSMapDatum names another, but phones differ: without a name the datum stays
    open (None). A date without a time zone is local time. Without
    DateTimeOriginal the GPS time (UTC) is taken as China time. More than ``max_megapixels`` is not decoded.
    """
    plain = RawPhoto(unit_id, file, sha256(content).hexdigest(), len(content))
    if file.lower().endswith(LISTED_SUFFIXES):
        return _with(plain, problem="HEIC照片只登记不读取；请在手机上改存为JPG")
    try:
        with warnings.catch_warnings():
            # damaged tags are left out, and the bound on size is max_megapixels, checked before anything is decoded
            warnings.simplefilter("ignore", UserWarning)
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=("JPEG", "PNG"))
            width, height = picture.size
            if width * height > max_megapixels * 1e6:
                return _with(plain, width=width, height=height, problem=f"超过{max_megapixels:g}百万像素，未读取")
            told, look = _exif(picture), _look(picture)
    except UnidentifiedImageError:
        return _with(plain, problem="不是JPG或PNG图片")
    except _BROKEN as problem:
        return _with(plain, problem=f"图片损坏：{type(problem).__name__}")
    return _with(plain, width=width, height=height, look=look, **told)


def _with(photo: RawPhoto, **told: Any) -> RawPhoto:
    return RawPhoto(photo.unit_id, photo.file, photo.sha256, photo.size_bytes, **told)


def _look(picture: Image.Image) -> int | None:
    """256 bits: whether each point of the picture, reduced to 17 x 16 grey points, is brighter than its left one.

    Difference hash: unmoved by size, compression and brightness. None for a picture without contrast.
    """
    picture.draft("L", (_SIDE * 8, _SIDE * 8))
    upright = ImageOps.exif_transpose(picture)
    small = upright.convert("L").resize((_SIDE + 1, _SIDE), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.float64)
    if float(grey.std()) < _LEAST_CONTRAST:
        return None
    bits = (grey[:, 1:] > grey[:, :-1]).ravel()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def _exif(picture: Image.Image) -> dict[str, Any]:
    exif = picture.getexif()
    shot, place = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
    makers = [_text(exif.get(tag)) for tag in (ExifTags.Base.Make, ExifTags.Base.Model)]
    told: dict[str, Any] = {"camera": " ".join(part for part in makers if part) or None}
    told["taken"] = _time(shot.get(ExifTags.Base.DateTimeOriginal) or shot.get(ExifTags.Base.DateTimeDigitized))
    if told["taken"] is None:
        told["taken"] = _gps_time(place)
    lon = _degrees(place.get(ExifTags.GPS.GPSLongitude), place.get(ExifTags.GPS.GPSLongitudeRef), "W")
    lat = _degrees(place.get(ExifTags.GPS.GPSLatitude), place.get(ExifTags.GPS.GPSLatitudeRef), "S")
    if lon is not None and lat is not None and (lon, lat) != (0.0, 0.0) and abs(lon) <= 180 and abs(lat) <= 90:
        error = _number(place.get(ExifTags.GPS.GPSHPositioningError))
        told |= {"lon": lon, "lat": lat, "datum": _datum(place.get(ExifTags.GPS.GPSMapDatum))}
        told["error_m"] = error if error is not None and error > 0 else None
    return told


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    return " ".join(str(value).replace("\0", " ").split()) if value is not None else ""


def _number(value: Any) -> float | None:
    """A finite number of an EXIF rational; None for 0/0 and for text."""
    try:
        number = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if math.isfinite(number) else None


def _degrees(parts: Any, reference: Any, negative: str) -> float | None:
    if not isinstance(parts, tuple | list) or not 1 <= len(parts) <= 3:
        return None
    numbers = [_number(part) for part in parts]
    if any(number is None or number < 0 for number in numbers):
        return None
    degrees = sum(number / 60**power for power, number in enumerate(numbers) if number is not None)
    return -degrees if _text(reference).upper().startswith(negative) else degrees


def _datum(name: Any) -> str | None:
    """The datum a file names; None where it names none: apps that store another than WGS84 seldom say so."""
    folded = re.sub(r"[\s\-_]+", "", _text(name)).upper()
    if not folded:
        return None
    return "WGS84" if folded in _WGS84_NAMES else _DATUM_NAMES.get(folded, _text(name))


def _time(value: Any) -> datetime | None:
    try:
        return datetime.strptime(_text(value)[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None


def _gps_time(place: Any) -> datetime | None:
    parts = place.get(ExifTags.GPS.GPSTimeStamp)
    day = _time(f"{_text(place.get(ExifTags.GPS.GPSDateStamp))} 00:00:00")
    numbers = [_number(part) for part in parts] if isinstance(parts, tuple | list) else []
    if day is None or len(numbers) != 3 or None in numbers:
        return None
    hours, minutes, seconds = (int(number or 0) for number in numbers)
    return day + timedelta(hours=hours, minutes=minutes, seconds=seconds) + _CHINA_AHEAD
