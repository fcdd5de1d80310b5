"""Tests of pi_fallback.testing."""
