"""The acceptance run on a real account: its report, and the checks of the portal (scripts/acceptance.py)."""
