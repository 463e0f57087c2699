"""Validates a judge: its scores are compared with known labels."""
