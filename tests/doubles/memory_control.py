"""What the testing kit has in app/testing/memory_control.py, under the name that our own tests know."""

from app.testing.memory_control import CommandTopic as CommandTopic
from app.testing.memory_control import MemoryDeadLetters as MemoryDeadLetters
from app.testing.memory_control import MemoryPlans as MemoryPlans
