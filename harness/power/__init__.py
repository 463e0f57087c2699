"""Power: which difference a benchmark can detect, and how far scores move by the seed alone."""
