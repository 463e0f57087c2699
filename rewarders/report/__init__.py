"""Pages of rewards and of their audit: one self-contained file each."""
