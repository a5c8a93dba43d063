"""What the testing kit has in app/testing/memory_reservations.py, under the name that our own tests know."""

from app.testing.memory_reservations import PARTITION as PARTITION
from app.testing.memory_reservations import MemoryReservations as MemoryReservations
