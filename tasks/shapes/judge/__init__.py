"""``judge_shapes``: a judge that reads pictures by the oracle and scores answers against a scene's facts."""
