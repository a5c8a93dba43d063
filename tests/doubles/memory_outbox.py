"""What the testing kit has in app/testing/memory_outbox.py, under the name that our own tests know."""

from app.testing.memory_outbox import KINDS as KINDS
from app.testing.memory_outbox import NAMES as NAMES
from app.testing.memory_outbox import MemoryLog as MemoryLog
from app.testing.memory_outbox import MemoryOutbox as MemoryOutbox
