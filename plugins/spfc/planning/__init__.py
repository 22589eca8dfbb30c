"""The pure core: from observed and synced trees to a plan. No input or output, no clock, no randomness."""
