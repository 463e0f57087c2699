"""DPG-Bench (Hu et al. 2024): long prompts, asked question by question with a graph of dependencies."""
