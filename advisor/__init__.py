"""Scaling Advisor: watches quotas, says what to do, by when and at what price."""

__version__ = "0.1.0"
