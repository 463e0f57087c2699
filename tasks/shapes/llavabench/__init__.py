"""LLaVA-Bench's three kinds of question about scenes of the shapes world."""
