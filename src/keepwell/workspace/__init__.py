"""What people decide: assessments and overrides, who made them, and a record of every change."""

from keepwell.workspace.records import Assessment, AuditEntry, Override
from keepwell.workspace.store import Workspace

__all__ = ["Assessment", "AuditEntry", "Override", "Workspace"]
