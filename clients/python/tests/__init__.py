"""What the client does on a real platform, which KATONIC_URL and KATONIC_TOKEN name."""
