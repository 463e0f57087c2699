"""Comparisons: two runs over the same items and seeds, or two arms of several training runs each."""
