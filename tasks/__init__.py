"""Benchmarks: their items, how a sample is measured, how measurements become scores."""
