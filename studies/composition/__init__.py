"""Composition per category: does a reward see it, is it ever drawn right, and what does selection give?"""
