"""Names of villages, hamlets and roads as people write them: old characters, same sounds, one wrong character."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import pypinyin
from rapidfuzz.distance import Levenshtein

from pipeline.ledger.characters import plain

SPELLING = "地名近似"
HOMOPHONE = "地名同音"

_SUFFIX = re.compile(r"(?:村民委员会|居民委员会|村委会|居委会|行政村|自然村|社区|村)$")
_NAME_END = ("村", "社区", "居委会", "组", "屯", "以", "往", "向", "正", "方", "偏", "与", "和", "至", "到", "第")
# 小王庄 is another village than 王庄, and so is 东王庄, unless the word before says that the name begins here
_OTHER_NAME_BEFORE = frozenset("大小前后上下中新老旧东西南北")
_AFTER_PLACE = re.compile(r"(?:[路道线河渠沟街桥镇乡村区办处场院]|街道)[东西南北](?:[侧面边])?$")
_CONFUSED = ((re.compile(r"^([zcs])h"), r"\1"), (re.compile(r"ng$"), "n"))


@dataclass(frozen=True)
class PlaceWords:
    """``traditional``: traditional to simplified character; ``landmarks``: what stands inside a village's houses."""

    traditional: Mapping[str, str] = field(default_factory=dict)
    landmarks: tuple[str, ...] = ()

    @cached_property
    def table(self) -> dict[int, str]:
        """The translation table of :attr:`traditional`."""
        return {ord(old): new for old, new in self.traditional.items()}


@dataclass(frozen=True)
class Hit:
    """A name found in a text: its row in the gazetteer, where it begins and ends, and the rule (empty when exact)."""

    row: int
    start: int
    end: int
    rule: str = ""


def fold(text: str, words: PlaceWords) -> str:
    """A text without blanks, in half-width and simplified characters, upper case."""
    return plain(text).translate(words.table).upper()


def stem_of(name: str) -> str:
    """A village's name without 村, 社区, 村委会 and the like."""
    return _SUFFIX.sub("", name)


class NameIndex:
    """Folded names by their first two characters, so that a long gazetteer costs no more than a short one."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.stems = tuple(stem_of(name) for name in names)
        self._forms: dict[str, list[tuple[str, int]]] = {}
        for row, (name, stem) in enumerate(zip(self.names, self.stems, strict=True)):
            for form in dict.fromkeys((name, stem)):
                if len(form) >= 2:
                    self._forms.setdefault(form[:2], []).append((form, row))

    def exact(self, text: str, begin: int = 0) -> list[Hit]:
        """Hits of the longest name in ``text[begin:]``, the earliest of that length; several rows bear one name."""
        hits: list[Hit] = []
        for at in range(begin, len(text) - 1):
            for form, row in self._forms.get(text[at : at + 2], ()):
                end = at + len(form)
                if text.startswith(form, at) and _starts(text, at) and _ends(text, end, form):
                    hits.append(Hit(row, at, end))
        if not hits:
            return []
        longest = max(hit.end - hit.start for hit in hits)
        first = min(hit.start for hit in hits if hit.end - hit.start == longest)
        return [hit for hit in hits if hit.start == first and hit.end - hit.start == longest]

    def alike(self, text: str, rows: Iterable[int]) -> Hit | None:
        """The only name of ``rows`` that sounds like a piece of ``text``, else the only one a character apart.

        Same sound: same syllables without tones, with zh/z, ch/c, sh/s and -ng/-n taken as one, as dialects do.
        """
        candidates = tuple(rows)
        for fits, rule in ((_sounds_alike, HOMOPHONE), (_one_apart, SPELLING)):
            found: dict[int, Hit] = {}
            for row in candidates:
                hit = self._piece_like(text, row, fits)
                if hit is not None:
                    found[row] = Hit(row, *hit, rule)
            if found:
                return next(iter(found.values())) if len(found) == 1 else None
        return None

    def _piece_like(self, text: str, row: int, fits: Callable[[str, str], bool]) -> tuple[int, int] | None:
        name, stem = self.names[row], self.stems[row]
        written = name if name != stem else stem + "村"
        if len(written) < 3:
            return None
        for at in range(len(text) - len(written) + 1):
            piece = text[at : at + len(written)]
            if _starts(text, at) and fits(piece, written):
                return at, at + len(written)
        return None


def _starts(text: str, at: int) -> bool:
    """Whether a name may begin at ``at``: what stands before does not make it another name."""
    if at == 0 or text[at - 1] not in _OTHER_NAME_BEFORE:
        return True
    return _AFTER_PLACE.search(text[:at]) is not None


def _ends(text: str, end: int, form: str) -> bool:
    """Whether a name may end there: one without 村 must not go on into a longer name."""
    rest = text[end:]
    if not rest or _SUFFIX.search(form) or rest.startswith(_NAME_END):
        return True
    return rest[0] in "东南西北,.。;、-(~" or rest[0].isdigit()


def _one_apart(piece: str, written: str) -> bool:
    return piece[-1] == written[-1] and Levenshtein.distance(piece, written, score_cutoff=1) == 1


def _sounds_alike(piece: str, written: str) -> bool:
    return all(_syllables(one) & _syllables(other) for one, other in zip(piece, written, strict=True))


@lru_cache(maxsize=20_000)
def _syllables(character: str) -> frozenset[str]:
    """The syllables a character can have, without tones and dialect differences; itself where it has none."""
    read = pypinyin.pinyin(character, style=pypinyin.Style.NORMAL, heteronym=True)
    return frozenset(_merged(syllable) for syllable in read[0]) if read else frozenset({character})


def _merged(syllable: str) -> str:
    for pattern, replacement in _CONFUSED:
        syllable = pattern.sub(replacement, syllable)
    return syllable
