"""One task, one model, one rewarder and one trainer: a file each, to copy from."""
