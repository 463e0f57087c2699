"""Pictures from an OpenAI-compatible server: the request in three dialects, the answer, and the adapter."""
