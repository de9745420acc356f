"""Scenes to aligned, normalised, masked images of a period, and the history behind them."""
