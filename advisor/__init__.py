"""Scaling Advisor: watches quotas, says what to do, by when and at what price."""

import os
import sys

__version__ = "0.1.0"

# httpx imports its command line, and with it rich, click and pygments, where these are installed: 5 MiB that
# an idle daemon would hold for nothing. With None here httpx takes its own way for «not installed».
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # Python's own mark for a barred module
# pydantic would read the metadata of every installed package to look for plugins. We use none.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
