"""Readers, one file per format or kind of delivery."""
