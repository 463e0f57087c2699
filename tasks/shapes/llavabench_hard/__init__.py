"""A harder LLaVA-Bench on the shapes world: more objects, three at once, negation, half-hidden textures."""
