"""Pretraining of ``tiny-flow``: BAGEL's architecture on the shapes world."""
