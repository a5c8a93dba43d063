"""What the testing kit has in app/testing/delta_reader.py, under the name that our own tests know."""

from app.testing.delta_reader import Delta as Delta
from app.testing.delta_reader import DeltaReader as DeltaReader
from app.testing.delta_reader import readers as readers
