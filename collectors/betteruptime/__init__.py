"""BetterUptime: the name that the monitors of Better Stack had before; the same API reads both.

API     as Better Stack: monitors and incidents on uptime.betterstack.com.
Token   as Better Stack: an Uptime API token of the team.
Quirks  as Better Stack; nothing differs but the name, which older documents use.
"""

from dataclasses import replace

from advisor.collectors import better_stack
from advisor.collectors.better_stack import INTERVAL, METRICS, SCOPES, Settings, collect, verify

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "betteruptime"
ABOUT = replace(better_stack.ABOUT, title="BetterUptime")
