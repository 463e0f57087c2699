"""How anything is run, recorded and compared: models, instruments, runs, statistics, reports."""
