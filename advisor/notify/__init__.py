"""Who is told: a message takes the form of its channel and is delivered from the outbox."""
