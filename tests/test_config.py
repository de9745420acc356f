from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from pipeline.config import Config, Detect, commented_yaml, load_config
from pipeline.errors import InputError


def refuse(folder: Path, text: str, code: str, *words: str) -> None:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_config(path)
    assert caught.value.code == code
    for word in words:
        assert word in str(caught.value)


def test_defaults_survive_their_own_yaml() -> None:
    assert Config.model_validate(yaml.safe_load(commented_yaml())) == Config()


def test_every_option_carries_a_comment() -> None:
    lines = commented_yaml().splitlines()
    for above, line in zip(lines, lines[1:], strict=False):
        if ":" in line and not line.lstrip().startswith("#"):
            assert above.lstrip().startswith("#"), line


def test_empty_file_is_the_default(tmp_path: Path) -> None:
    path = tmp_path / "配置 文件.yaml"
    path.write_text("", encoding="utf-8")
    assert load_config(path) == Config()


def test_wrong_values_name_the_key(tmp_path: Path) -> None:
    refuse(tmp_path, "detect: {min_area_m2: -3}", "E102", "detect.min_area_m2")
    refuse(tmp_path, "detect: {min_area: 400}", "E102", "detect.min_area")
    refuse(tmp_path, "city: {crs: 'EPSG:4490'}", "E102", "city.crs")
    refuse(tmp_path, "city: {crs: 'EPSG:99999999'}", "E102", "city.crs")
    refuse(tmp_path, "city: {pixel_m: 30}\ndetect: {min_area_m2: 400}", "E102", "one pixel")
    refuse(tmp_path, "sources: [{name: a}, {name: a}]", "E102", "same name")


def test_unreadable_files(tmp_path: Path) -> None:
    refuse(tmp_path, "city: [unclosed", "E101")
    refuse(tmp_path, "- a list", "E101", "mapping")
    refuse(tmp_path, "format_version: 99", "E106", "99")
    with pytest.raises(InputError, match="E101"):
        load_config(tmp_path / "absent.yaml")


def test_one_number_of_an_older_configuration_counts_for_every_profile() -> None:
    settings = Detect(pair_weak_probability=0.23)  # type: ignore[arg-type]
    assert settings.pair_weak_probability == {"s2": 0.23, "landsat": 0.23, "vhr": 0.23}


def test_a_share_of_a_profile_is_a_share() -> None:
    for wrong in (1.5, {"s2": -0.1, "landsat": 0.1, "vhr": 0.1}, {"s3": 0.2}):
        with pytest.raises(ValidationError):
            Detect(pair_weak_probability=wrong)  # type: ignore[arg-type]
