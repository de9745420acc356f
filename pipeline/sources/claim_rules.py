"""The dated words by which ledgers claim that works stopped, went or were turned back into farmland."""

from __future__ import annotations

from datetime import date

from pipeline.rulebook import Dated, rule_on
from pipeline.supervise.claims import ClaimWords

FILE = "claim_words.yaml"


class ClaimRule(Dated):
    """One version of the words."""

    fields: tuple[str, ...]
    stopped: tuple[str, ...]
    removed: tuple[str, ...]
    restored: tuple[str, ...]
    not_yet: tuple[str, ...]
    partly: tuple[str, ...]
    other_matters: tuple[str, ...]
    resumed: tuple[str, ...]


def claim_words(day: date) -> ClaimWords:
    """The words in force on ``day``."""
    rule = rule_on(ClaimRule, FILE, day)
    return ClaimWords(
        rule.fields,
        rule.stopped,
        rule.removed,
        rule.restored,
        rule.not_yet,
        rule.partly,
        rule.other_matters,
        rule.resumed,
    )
