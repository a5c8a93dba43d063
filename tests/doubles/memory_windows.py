"""What the testing kit has in app/testing/memory_windows.py, under the name that our own tests know."""

from app.testing.memory_windows import MemoryWindows as MemoryWindows
