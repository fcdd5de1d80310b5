"""Hosts: failover inside other people's agents. Each is loaded by its host alone."""
