"""What is asked when: the client, retries and rate limits, the schedule; it runs the collectors."""
