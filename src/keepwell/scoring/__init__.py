"""Metric values to points, scores and tiers. One plan computes, explains and simulates."""
