"""T2I-ReasonBench's four dimensions in the shapes world: prompts that describe their content indirectly."""
