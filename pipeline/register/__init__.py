"""Stable identity: fusion of sources, lineage from period to period, links to known cases."""
