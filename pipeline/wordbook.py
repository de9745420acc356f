"""The dated words of ledgers, places and land classes, by which texts are read and codes are printed."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from pipeline.dated import RULES_FOLDER, Dated, in_force
from pipeline.dated import Model as _Model
from pipeline.dated import refuse_overlaps as _refuse_overlaps
from pipeline.dated import versions_of as _versions
from pipeline.ledger.placenames import PlaceWords


class LandClassNames(Dated):
    """An edition of the land classification: code to Chinese name, for printing only."""

    names: dict[str, str]


class LandClassEditions(_Model):
    """All editions of the names."""

    editions: tuple[LandClassNames, ...]

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        _refuse_overlaps([("land_class_names", edition) for edition in self.editions])
        return self


@cache
def load_land_class_names(folder: Path = RULES_FOLDER) -> LandClassEditions:
    """Read ``land_class_names.yaml``; raises InputError E306 naming entry and field, E106 for a newer format."""
    return _versions(LandClassEditions, folder, "land_class_names.yaml", "editions")


def land_class_names(day: date, folder: Path = RULES_FOLDER) -> dict[str, str]:
    """Land class code to Chinese name in force on ``day``; empty when no edition is."""
    editions = in_force(load_land_class_names(folder).editions, day)
    return dict(sorted(editions[0].names.items())) if editions else {}


Pair = Annotated[str, Field(min_length=2, max_length=2)]


class PlaceVocabulary(Dated):
    """Words by which ledgers tell places; ``traditional``: pairs of a traditional and a simplified character;
    ``lookalikes``: pairs of characters taken for each other; ``landmarks`` stand among a village's houses,
    ``facilities`` on its land.
    """

    traditional: tuple[Pair, ...]
    lookalikes: tuple[Pair, ...] = ()
    surnames: str = ""
    landmarks: tuple[str, ...]
    facilities: tuple[str, ...] = ()


class PlaceVocabularies(_Model):
    """The vocabularies of ``place_words.yaml``; no two in force on one day."""

    place_words: Annotated[tuple[PlaceVocabulary, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _no_overlap(self) -> Self:
        _refuse_overlaps([("place_words", entry) for entry in self.place_words])
        return self


@cache
def load_place_vocabularies(folder: Path = RULES_FOLDER) -> PlaceVocabularies:
    """Read ``place_words.yaml``; raises InputError E306 naming entry and field, E106 for a newer format."""
    return _versions(PlaceVocabularies, folder, "place_words.yaml", "place_words")


def place_words(day: date, folder: Path = RULES_FOLDER) -> PlaceWords:
    """Place words in force on ``day``; none where no vocabulary is."""
    entries = in_force(load_place_vocabularies(folder).place_words, day)
    if not entries:
        return PlaceWords()
    words = entries[0]
    return PlaceWords(
        traditional={pair[0]: pair[1] for pair in words.traditional},
        landmarks=words.landmarks,
        facilities=words.facilities,
        lookalikes=frozenset(frozenset(pair) for pair in words.lookalikes),
        surnames="".join(words.surnames.split()),
    )


class FindingWords(Dated):
    """Words by which ledgers describe the ground, by topic."""

    topics: dict[str, tuple[str, ...]]


class Vocabularies(_Model):
    """All versions of the finding words."""

    vocabularies: tuple[FindingWords, ...]

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        _refuse_overlaps([("vocabulary", entry) for entry in self.vocabularies])
        return self


@cache
def load_vocabularies(folder: Path = RULES_FOLDER) -> Vocabularies:
    """Read ``finding_words.yaml``; raises InputError E306 naming entry and field, E106 for a newer format."""
    return _versions(Vocabularies, folder, "finding_words.yaml", "vocabularies")


def finding_words(day: date, folder: Path = RULES_FOLDER) -> dict[str, tuple[str, ...]]:
    """Topic to words in force on ``day``; empty where no vocabulary is in force."""
    entries = in_force(load_vocabularies(folder).vocabularies, day)
    return {topic: words for entry in entries for topic, words in entry.topics.items()}
