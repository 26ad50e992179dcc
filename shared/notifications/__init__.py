"""What people and their systems are told: events, the outbox, and the webhook. Not here: which events there are reasons for."""
