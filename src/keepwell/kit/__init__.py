"""Small things that every room uses: errors, the clock, locks. Knows nothing of customers."""
