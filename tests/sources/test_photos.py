"""Pictures drawn here, with EXIF written by hand: what the file says is known."""

from __future__ import annotations

import io
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from pipeline.ledger.photos import RawPhoto
from pipeline.sources.photos import is_photo, read_photo, read_photo_files
from pipeline.sources.unit_folders import UnitFile

LIMIT = 64.0


def scene(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Smooth hills of light, different for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def dms(value: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    seconds = value * 3600
    return (
        IFDRational(int(seconds // 3600), 1),
        IFDRational(int(seconds % 3600 // 60), 1),
        IFDRational(round(seconds % 60 * 10_000), 10_000),
    )


def saved(
    picture: Image.Image,
    *,
    at: tuple[float, float] | None = None,
    gps: dict[int, Any] | None = None,
    taken: str | None = None,
    camera: tuple[str, str] | None = None,
    kind: str = "JPEG",
    **options: Any,
) -> bytes:
    """The picture's bytes; ``at``: longitude and latitude for the GPS tags, ``gps``: further ones by number."""
    exif = Image.Exif()
    if camera is not None:
        exif[271], exif[272] = camera
    if taken is not None:
        exif.get_ifd(0x8769)[36867] = taken
    tags: dict[int, Any] = {} if at is None else {1: "N", 2: dms(at[1]), 3: "E", 4: dms(at[0])}
    for tag, value in {**tags, **(gps or {})}.items():
        exif.get_ifd(0x8825)[tag] = value
    stream = io.BytesIO()
    picture.save(stream, kind, exif=exif, **options)
    return stream.getvalue()


def read(content: bytes, file: str = "ledgers/甲镇/a.jpg", limit: float = LIMIT) -> RawPhoto:
    return read_photo(content, unit_id="U1", file=file, max_megapixels=limit)


def test_position_time_camera_and_hash() -> None:
    content = saved(scene(1), at=(114.1234567, 32.7654321), taken="2026:10:03 09:12:33", camera=("HUAWEI", "Mate 60\0"))
    photo = read(content)
    assert (photo.lon, photo.lat) == pytest.approx((114.1234567, 32.7654321), abs=1e-7)
    assert (photo.datum, photo.error_m, photo.camera) == (None, None, "HUAWEI Mate 60")
    assert photo.taken == datetime(2026, 10, 3, 9, 12, 33)
    assert (photo.sha256, photo.size_bytes) == (sha256(content).hexdigest(), len(content))
    assert (photo.width, photo.height, photo.problem) == (640, 480, None)
    assert photo.look is not None


@settings(deadline=None, max_examples=40)
@given(lon=st.floats(0.1, 179.9) | st.floats(-179.9, -0.1), lat=st.floats(-89.9, 89.9))
def test_every_hemisphere(lon: float, lat: float) -> None:
    gps = {1: "N" if lat >= 0 else "S", 2: dms(abs(lat)), 3: "E" if lon >= 0 else "W", 4: dms(abs(lon))}
    photo = read(saved(scene(1, (32, 32)), gps=gps))
    assert (photo.lon, photo.lat) == pytest.approx((lon, lat), abs=1e-6)


@pytest.mark.parametrize(
    ("told", "datum"),
    [("WGS-84", "WGS84"), ("wgs 84", "WGS84"), ("CGCS2000", "WGS84"), ("GCJ-02", "GCJ-02"), ("BD09", "BD-09"),
     ("TOKYO", "TOKYO"), ("", None), ("\0 ", None)],
)  # fmt: skip
def test_the_datum_is_the_one_the_file_names(told: str, datum: str | None) -> None:
    photo = read(saved(scene(1), at=(114.1, 32.1), gps={18: told, 31: IFDRational(25, 2)}))
    assert (photo.datum, photo.error_m) == (datum, 12.5)


@pytest.mark.parametrize(
    "gps",
    [
        {},
        {1: "N", 2: dms(0.0), 3: "E", 4: dms(0.0)},
        {1: "N", 2: (IFDRational(0, 0),) * 3, 3: "E", 4: dms(114.1)},
        {1: "N", 2: dms(32.1)},
        {1: "N", 2: dms(95.0), 3: "E", 4: dms(114.1)},
    ],
)
def test_no_position_is_made_up(gps: dict[int, Any]) -> None:
    photo = read(saved(scene(1), gps=gps))
    assert (photo.lon, photo.lat, photo.problem) == (None, None, None)


def test_time_from_the_satellites_is_china_time_where_the_camera_tells_none() -> None:
    clock = (IFDRational(18, 1), IFDRational(30, 1), IFDRational(5, 1))
    photo = read(saved(scene(1), at=(114.1, 32.1), gps={29: "2026:10:02", 7: clock}))
    assert photo.taken == datetime(2026, 10, 3, 2, 30, 5)
    assert read(saved(scene(1), taken="0000:00:00 00:00:00")).taken is None


def apart(one: RawPhoto, other: RawPhoto) -> int:
    assert one.look is not None and other.look is not None
    return (one.look ^ other.look).bit_count()


def test_the_look_survives_size_format_and_compression_and_tells_scenes_apart() -> None:
    whole = read(saved(scene(1), quality=95))
    assert apart(whole, read(saved(scene(1).resize((200, 150)), quality=40))) <= 20
    assert apart(whole, read(saved(scene(1), kind="PNG"))) <= 20
    assert min(apart(whole, read(saved(scene(seed)))) for seed in range(2, 30)) > 60
    assert read(saved(Image.new("RGB", (300, 200), "white"))).look is None


def test_a_turned_picture_looks_like_the_upright_one() -> None:
    exif = Image.Exif()
    exif[274] = 6
    stream = io.BytesIO()
    scene(1).rotate(90, expand=True).save(stream, "JPEG", exif=exif)
    assert apart(read(saved(scene(1))), read(stream.getvalue())) <= 20


def test_heic_is_listed_only() -> None:
    photo = read(b"\0\0\0\x18ftypheic", file="ledgers/甲镇/IMG_1.HEIC")
    assert photo.width is None and "JPG" in (photo.problem or "")


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"\xff\xd8\xff\xe0" + b"\0" * 50, b"\x89PNG\r\n\x1a\n" + b"\0" * 90]
)
def test_broken_pictures_are_kept_with_their_reason(content: bytes) -> None:
    photo = read(content)
    assert photo.problem is not None and photo.sha256 == sha256(content).hexdigest()


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_cut_picture_is_kept_with_its_reason(share: float) -> None:
    content = saved(scene(1), quality=95)
    assert read(content[: int(len(content) * share)]).problem is not None


@settings(deadline=None, max_examples=40)
@given(st.binary(min_size=1, max_size=60), st.integers(0, 500))
def test_damaged_bytes_break_nothing(noise: bytes, at: int) -> None:
    content = saved(scene(1, (64, 48)), at=(114.1, 32.1), taken="2026:10:03 09:12:33")
    assert read(content[:at] + noise + content[at + len(noise) :]).size_bytes > 0


def test_a_picture_too_large_is_not_decoded() -> None:
    content = saved(Image.new("L", (12_000, 9_000)), kind="PNG")
    photo = read(content)
    assert (photo.width, photo.height, photo.look) == (12_000, 9_000, None)
    assert "百万像素" in (photo.problem or "")


def test_files_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "b.JPG").write_bytes(saved(scene(1)))
    (tmp_path / "a.png").write_bytes(saved(scene(2), kind="PNG"))
    (tmp_path / "c.jpeg").write_bytes(b"\0" * 3000)
    files = [
        UnitFile("U1", tmp_path / name, f"ledgers/甲镇/{name}") for name in ("b.JPG", "a.png", "c.jpeg", "gone.jpg")
    ]
    photos = read_photo_files(files, max_mb=0.9, max_megapixels=LIMIT)
    assert [(photo.file[-5:], photo.problem is None) for photo in photos] == [
        ("a.png", True), ("b.JPG", True), (".jpeg", False), ("e.jpg", False),
    ]  # fmt: skip
    (large,) = read_photo_files(files[2:3], max_mb=0.001, max_megapixels=LIMIT)
    assert "MB" in (large.problem or "") and large.sha256 == sha256(b"\0" * 3000).hexdigest()
    assert is_photo(files[0]) and not is_photo(UnitFile("U1", tmp_path / "台账.xlsx", "ledgers/甲镇/台账.xlsx"))
