"""A command's options as a file: read with ``--config``, written by ``init`` and into every run folder."""
