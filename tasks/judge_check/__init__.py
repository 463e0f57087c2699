"""How honest a judge is: its scores beside labels that are known."""
