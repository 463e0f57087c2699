"""A judge that sees by the oracle and weighs answers by facts: ``judge_shapes``."""
