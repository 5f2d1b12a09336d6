"""Whom it is about: segmentations, simple segments, and the peers of an account."""
