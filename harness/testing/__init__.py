"""Public stand-ins for plug-in authors and tests: a dummy model, a scripted judge, a scripted endpoint."""
