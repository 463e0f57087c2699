"""A small rule-based reader of English prompts: tokens, parts of speech and noun chunks."""
