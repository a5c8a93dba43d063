"""What the testing kit has in app/testing/memory_deltas.py, under the name that our own tests know."""

from app.testing.memory_deltas import MemoryDeltas as MemoryDeltas
