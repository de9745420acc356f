"""How accurate the product and its peers are, over all the labelled imagery and synthetic cities, in one command."""
