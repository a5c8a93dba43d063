"""What the testing kit has in app/testing/memory_verifier.py, under the name that our own tests know."""

from app.testing.memory_verifier import MemoryVerifier as MemoryVerifier
from app.testing.memory_verifier import entry_of as entry_of
from app.testing.memory_verifier import signed as signed
from app.testing.memory_verifier import signing_key as signing_key
