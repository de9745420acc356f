"""Measuring accuracy against known truth."""
