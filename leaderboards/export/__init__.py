"""Runs in the formats of others: Hugging Face, Inspect, Every Eval Ever. One format a file."""
