"""A believable B2B SaaS company out of a seed, with the truth that its data only hints at."""

from keepwell.demo.company import Company, simulate
from keepwell.demo.deliveries import write_files

__all__ = ["Company", "simulate", "write_files"]
