"""T2I-ReasonBench's four dimensions in the shapes world: prompts that do not say what to draw."""
