"""The client and its jobs."""
