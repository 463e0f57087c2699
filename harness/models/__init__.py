"""Model adapters: capabilities in ``base``, one adapter a file or folder."""
