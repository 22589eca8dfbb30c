"""The engine that copies files: many at once, streamed, verified, and resumed where it broke."""
