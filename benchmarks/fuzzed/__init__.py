"""The parsers of text that others write, and inputs for them; see ``benchmarks/fuzzing.py``."""
