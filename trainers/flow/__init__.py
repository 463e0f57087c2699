"""Flow-matching models: sampling steps with likelihoods, losses, and candidates as latents."""
