"""Candidates against dated layers: suspected objects with their grounds, or suppressed ones with a reason."""
