"""What ``import selfreward_eval`` offers, one function a file; the command line calls the same functions."""
