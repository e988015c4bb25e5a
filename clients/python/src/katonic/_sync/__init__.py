# Made by `generate` from _async/__init__.py; do not edit.
"""The client and its jobs."""
