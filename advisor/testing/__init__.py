"""The test kit for collectors, ours and third parties': samples in, readings out, and what every one must be.

    from advisor.testing import ask, faults, samples

    def test_it_is_a_good_collector():
        assert faults(acme) == []

    async def test_a_paused_project_reports_no_size():
        asked = await ask(acme, samples(acme), acme.Settings(token="x"))
        assert asked.answer.readings == [...]

A sample is one YAML file in the collector's folder `samples/`: a request, and what the provider answers to it
in its documented shape. docs/collectors.md has an example.
"""

from advisor.testing.replay import Asked, ask, client, poll_for
from advisor.testing.rules import faults
from advisor.testing.samples import Sample, samples

__all__ = ["Asked", "Sample", "ask", "client", "faults", "poll_for", "samples"]
