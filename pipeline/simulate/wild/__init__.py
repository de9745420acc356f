"""A harder synthetic city: years of history, ground that changes by itself, and a sensor with the faults of real ones.

Nothing here knows how changes are detected: it says what the ground does, after the remote sensing of farmland,
settlements, water and snow, and what a satellite makes of it.
"""
