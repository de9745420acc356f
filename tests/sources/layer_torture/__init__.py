"""One land-use layer as bureaus deliver it: every format, encoding, zone and defect, with what must come of it."""
