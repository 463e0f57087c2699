"""Emu3 through transformers' classes: our own drawing loop, answers by its chat template."""
