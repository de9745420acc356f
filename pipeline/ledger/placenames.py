"""Names of villages, hamlets and roads as people write them: old characters, same sounds, one wrong character."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from pipeline.ledger.characters import plain

SPELLING = "地名近似"
FACILITY = "图上没有的设施，按同名村估计"
HOMOPHONE = "地名同音"

_SUFFIX = re.compile(r"(?:村民委员会|居民委员会|村委会|居委会|行政村|自然村|社区|村)$")
_NAME_END = (
    "村", "自然村", "社区", "居委会", "组", "屯", "以", "往", "向", "正", "方", "偏", "与", "和", "至", "到", "第", "附近",
    "一带", "周边", "周围", "旁", "跟前", "境内", "路段", "之间", "中间", "交界", "沿",
)  # fmt: skip
# 小王庄 is another village than 王庄, and so is 东王庄, unless the word before says that the name begins here
_OTHER_NAME_BEFORE = frozenset("大小前后上下中新老旧东西南北")
_AFTER_PLACE = re.compile(r"(?:[路道线河渠沟街桥镇乡村区办处场院]|街道)[东西南北](?:[侧面边])?$")
_CONFUSED = ((re.compile(r"^([zcs])h"), r"\1"), (re.compile(r"ng$"), "n"))


@dataclass(frozen=True)
class PlaceWords:
    """``traditional``: traditional to simplified character; ``landmarks``: what stands inside a village's houses;
    ``facilities``: what stands on its land and is called after it (加油站);
    ``lookalikes``: pairs of characters taken for each other in handwriting; ``surnames``: families' characters.
    """

    traditional: Mapping[str, str] = field(default_factory=dict)
    landmarks: tuple[str, ...] = ()
    facilities: tuple[str, ...] = ()
    lookalikes: frozenset[frozenset[str]] = frozenset()
    surnames: str = ""

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


@dataclass(frozen=True)
class Missing:
    """No single name is meant; ``rule``: why, in words for the unit (empty where no name was found at all)."""

    rule: str = ""


def fold(text: str, words: PlaceWords) -> str:
    """A text without blanks, in half-width and simplified characters, upper case."""
    return plain(text).translate(words.table).upper()


def stem_of(name: str) -> str:
    """A village's name without 村, 社区, 村委会 and the like."""
    return _SUFFIX.sub("", name)


class NameIndex:
    """Folded names by their first two characters, so that a long gazetteer costs no more than a short one."""

    def __init__(self, names: Sequence[str], words: PlaceWords) -> None:
        self.words = words
        self._name_end = _NAME_END + words.landmarks
        self.names = tuple(names)
        self.stems = tuple(stem_of(name) for name in names)
        self._forms: dict[str, list[tuple[str, int]]] = {}
        for row, (name, stem) in enumerate(zip(self.names, self.stems, strict=True)):
            for form in dict.fromkeys((name, stem)):
                if len(form) >= 2:
                    self._forms.setdefault(form[:2], []).append((form, row))

    def rows_named(self, name: str) -> list[int]:
        """Rows that bear exactly this folded name."""
        return [row for form, row in self._forms.get(name[:2], ()) if form == name]

    def exact(self, text: str, begin: int = 0) -> list[Hit]:
        """Hits of the longest name in ``text[begin:]``, the earliest of that length; several rows bear one name.

        A name that goes on into a facility's (林楼加油站) counts only where no other is found.
        """
        return self._exact(text, begin, self._name_end) or self._exact(text, begin, self.words.facilities)

    def _exact(self, text: str, begin: int, ends: tuple[str, ...]) -> list[Hit]:
        hits: list[Hit] = []
        for at in range(begin, len(text) - 1):
            for form, row in self._forms.get(text[at : at + 2], ()):
                end = at + len(form)
                if text.startswith(form, at) and _starts(text, at) and self._ends(text, end, form, ends):
                    hits.append(Hit(row, at, end))
        if not hits:
            return []
        longest = max(hit.end - hit.start for hit in hits)
        first = min(hit.start for hit in hits if hit.end - hit.start == longest)
        return [hit for hit in hits if hit.start == first and hit.end - hit.start == longest]

    def alike(self, text: str, rows: Iterable[int]) -> Hit | Missing:
        """The only name of ``rows`` that sounds like a piece of ``text``, else the only one that looks like it.

        Same sound: same syllables without tones, with zh/z, ch/c, sh/s and -ng/-n taken as one, as dialects do. Like
        looks: one character is the other of a known pair. A name with another family's character is another village
        (程楼 is not 陈楼), and so is one of several that fit.
        """
        candidates = tuple(rows)
        for fits, rule in ((_sounds_alike, HOMOPHONE), (self._looks_alike, SPELLING)):
            found: dict[int, Hit] = {}
            for row in candidates:
                piece = self._piece_like(text, row, fits)
                if piece is not None:
                    found[row] = Hit(row, *piece, rule)
            if found:
                names = "、".join(sorted(self.names[row] for row in found))
                if len(found) > 1:
                    return Missing(f"与{names}都相近，不能定位；请核对地名")
                hit = next(iter(found.values()))
                if self._other_family(text[hit.start : hit.end], self._written(hit.row)):
                    return Missing(f"与{names}相近，但姓氏不同，可能是另一处，不能定位；请核对地名")
                return hit
        return Missing()

    def _piece_like(self, text: str, row: int, fits: Callable[[str, str], bool]) -> tuple[int, int] | None:
        written = self._written(row)
        if len(written) < 3:
            return None
        for at in range(len(text) - len(written) + 1):
            piece = text[at : at + len(written)]
            if _starts(text, at) and fits(piece, written):
                return at, at + len(written)
        return None

    def _written(self, row: int) -> str:
        name, stem = self.names[row], self.stems[row]
        return name if name != stem else stem + "村"

    def _looks_alike(self, piece: str, written: str) -> bool:
        apart = [frozenset(pair) for pair in zip(piece, written, strict=True) if pair[0] != pair[1]]
        return len(apart) == 1 and apart[0] in self.words.lookalikes

    def _other_family(self, piece: str, written: str) -> bool:
        apart = [pair for pair in zip(piece, written, strict=True) if pair[0] != pair[1]]
        return any(one in self.words.surnames and other in self.words.surnames for one, other in apart)

    def _ends(self, text: str, end: int, form: str, ends: tuple[str, ...]) -> bool:
        """Whether a name may end there: one without 村 must not go on into a longer name."""
        rest = text[end:]
        if not rest or _SUFFIX.search(form) or rest.startswith(ends):
            return True
        return rest[0] in "东南西北,.。;、-(~" or rest[0].isdigit()


def _starts(text: str, at: int) -> bool:
    """Whether a name may begin at ``at``: what stands before does not make it another name."""
    if at == 0 or text[at - 1] not in _OTHER_NAME_BEFORE:
        return True
    return _AFTER_PLACE.search(text[:at]) is not None


def _sounds_alike(piece: str, written: str) -> bool:
    return all(_syllables(one) & _syllables(other) for one, other in zip(piece, written, strict=True))


@lru_cache(maxsize=20_000)
def _syllables(character: str) -> frozenset[str]:
    """The syllables a character can have, without tones and dialect differences; itself where it has none."""
    # its dictionary takes 55 MB, and most commands never ask how a character sounds
    import pypinyin

    read = pypinyin.pinyin(character, style=pypinyin.Style.NORMAL, heteronym=True)
    return frozenset(_merged(syllable) for syllable in read[0]) if read else frozenset({character})


def _merged(syllable: str) -> str:
    for pattern, replacement in _CONFUSED:
        syllable = pattern.sub(replacement, syllable)
    return syllable
