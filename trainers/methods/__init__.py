"""The trainers, one a file."""
