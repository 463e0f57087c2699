"""How anything is run, recorded and compared: models, instruments, runs, statistics, reports."""

__version__ = "0.1.0"
