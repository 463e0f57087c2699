"""The oracle: classical-vision instruments for the shapes world, with measured accuracy."""

VERSION = "1"
"""Part of every score's identity; changes whenever a reading could change."""
