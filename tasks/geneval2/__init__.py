"""GenEval 2 (Kamath et al. 2025): every atom of a prompt asked of a vision-language model, softly scored."""
