"""Ledgers and tracks as units send them: entries, visits, datum, a repair log and what could not be used."""
