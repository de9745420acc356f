"""Targets against ledger entries and patrol visits: matches, verdicts, coverage, omissions."""
