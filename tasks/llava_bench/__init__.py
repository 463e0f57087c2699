"""LLaVA-Bench (Liu et al. 2023): open answers about pictures, scored by a text judge beside a reference."""
