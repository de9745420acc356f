"""The dated rules by which headings and words of ledgers are understood."""

from __future__ import annotations

from datetime import date

from pipeline.ledger.files import FileRules
from pipeline.ledger.sheets import FieldRules
from pipeline.rulebook import Dated, rule_on

FILE = "ledger_fields.yaml"


class LedgerRule(Dated):
    """One version of the headings and words of ledgers."""

    id: str
    fields: dict[str, tuple[str, ...]]
    nothing_found: tuple[str, ...]
    nothing_whole: tuple[str, ...]
    same_as_above: tuple[str, ...]
    no_record: tuple[str, ...]
    settlement_codes: tuple[str, ...]
    totals: tuple[str, ...]
    samples: tuple[str, ...]
    not_patrolled: tuple[str, ...]
    found_yes: tuple[str, ...]
    found_no: tuple[str, ...]
    other_headings: tuple[str, ...]
    ground_work: tuple[str, ...]
    present: tuple[str, ...]
    beside_a_date: tuple[str, ...]
    not_measured: tuple[str, ...]
    required: tuple[str, ...]
    required_of_finding: tuple[str, ...]
    correction_words: tuple[str, ...]
    addition_words: tuple[str, ...]


def ledger_field_rules(day: date) -> FieldRules:
    """The heading aliases and words in force on ``day``; the earliest rule before its time.

    Source: ``pipeline/rules/ledger_fields.yaml``, which names its own sources.
    """
    rule = rule_on(LedgerRule, FILE, day)
    return FieldRules(
        rule.id,
        rule.fields,
        rule.nothing_found,
        rule.nothing_whole,
        rule.same_as_above,
        rule.no_record,
        rule.settlement_codes,
        rule.totals,
        rule.samples,
        rule.not_patrolled,
        rule.found_yes,
        rule.found_no,
        rule.other_headings,
        rule.ground_work,
        rule.present,
        rule.beside_a_date,
        rule.not_measured,
    )


def ledger_file_rules(day: date) -> FileRules:
    """What a ledger file has to hold and how a corrected one is named, in force on ``day``."""
    rule = rule_on(LedgerRule, FILE, day)
    return FileRules(rule.required, rule.required_of_finding, rule.correction_words, rule.addition_words)
