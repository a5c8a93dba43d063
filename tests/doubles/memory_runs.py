"""What the testing kit has in app/testing/memory_runs.py, under the name that our own tests know."""

from app.testing.memory_runs import MemoryRuns as MemoryRuns
from app.testing.memory_runs import StandsForAll as StandsForAll
