"""T2I-CompBench's eight categories in the shapes world: prompts and the scenes that fulfil them."""
