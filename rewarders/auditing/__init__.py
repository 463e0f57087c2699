"""Is a reward worth training on? Its ranks beside a benchmark's measurements: pure functions."""
