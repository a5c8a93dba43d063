"""What the testing kit has in app/testing/memory_claims.py, under the name that our own tests know."""

from app.testing.memory_claims import ClaimMemory as ClaimMemory
from app.testing.memory_claims import Id as Id
from app.testing.memory_claims import Items as Items
from app.testing.memory_claims import Journal as Journal
from app.testing.memory_claims import Marker as Marker
from app.testing.memory_claims import MemoryClaims as MemoryClaims
from app.testing.memory_claims import Place as Place
from app.testing.memory_claims import enter as enter
from app.testing.memory_claims import own_marker as own_marker
from app.testing.memory_claims import place_of as place_of
