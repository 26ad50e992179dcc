"""Requests in, answers and problems out: who asks, what a body may hold, and the audit of what is done with secrets."""
