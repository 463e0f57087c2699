"""Exact-match questions about scenes of the shapes world."""
