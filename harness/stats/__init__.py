"""Statistics as pure functions: arrays in, frozen results out."""
