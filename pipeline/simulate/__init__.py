"""A synthetic city whose truth is known: what the tests and the demo run on."""
