"""How much of a policy gradient is signal, by reward; see docs/signal.md."""
