"""What each command does: one module a command; `advisor/cli.py` names their options."""
