"""Studies made with selfreward-eval. Each has a plan declared before its first run."""
