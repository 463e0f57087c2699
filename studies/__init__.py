"""Studies: a declared plan, its runner and its figures, one folder each. Run from the repository's root."""
