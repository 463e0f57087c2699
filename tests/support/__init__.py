"""What tests of several packages share, imported as ``support`` (``pythonpath`` in pyproject.toml)."""
