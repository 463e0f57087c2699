"""Measuring devices: contracts in ``base``, one backend a file."""
