"""What mends a finding: repaired copies and edited settings, never a change of the user's own files."""

from nbtrainer.repair.fixes import FIXES, fix, fix_all, fix_title

__all__ = ["FIXES", "fix", "fix_all", "fix_title"]
