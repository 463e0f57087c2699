"""Leaderboards: many runs side by side, with ties where the data cannot tell them apart."""
