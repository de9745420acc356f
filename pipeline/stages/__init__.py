"""One file per stage: load, verb, check, save; no logic of its own."""
