"""Files that users hand in: pictures and text, each opened in one place."""
