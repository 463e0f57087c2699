"""Any ``JanusForConditionalGeneration`` checkpoint: drawing, answering and likelihoods."""
