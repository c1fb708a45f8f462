"""What is asked when: the client, retries and rate limits, the schedule; it runs the collectors."""

import sys

# httpx imports its command line, and with it rich, click and pygments, where these are installed: 5 MiB that
# an idle daemon would hold for nothing. With None here httpx takes its own way for «not installed».
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # Python's own mark for a barred module
