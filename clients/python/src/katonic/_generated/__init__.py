"""Made by `generate` from the OpenAPI document; do not edit."""
