"""T2I-ReasonBench (Sun et al. 2025): pictures that must be reasoned out, described and scored by a judge."""
