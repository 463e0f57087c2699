"""The embedded world: rendered shapes, an oracle that reads them, and items in the benchmarks' schemas."""
