"""What the testing kit has in app/testing/memory_sessions.py, under the name that our own tests know."""

from app.testing.memory_sessions import Items as Items
from app.testing.memory_sessions import Kept as Kept
from app.testing.memory_sessions import MemorySessions as MemorySessions
