"""Engines run a plan: this process's own workers (`local`), and whatever comes later."""
