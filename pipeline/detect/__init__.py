"""Aligned images to scored pixels and candidate objects with stage, onset interval and probability."""
