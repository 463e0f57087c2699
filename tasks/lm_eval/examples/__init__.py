"""Our own tasks in lm-eval's format: questions about rendered shapes."""
