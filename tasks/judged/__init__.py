"""What benchmarks with a judge share: prompts from files, replies kept raw, scores made of them anew."""
