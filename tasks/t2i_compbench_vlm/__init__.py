"""T2I-CompBench prompts judged by a vision-language model, as SRUM (Jin et al. 2025) reports them."""
