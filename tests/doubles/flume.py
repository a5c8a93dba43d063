"""What the testing kit has in app/testing/flume.py, under the name that our own tests know."""

from app.testing.flume import MANY_STEPS as MANY_STEPS
from app.testing.flume import NEVER_BUILT as NEVER_BUILT
from app.testing.flume import Flume as Flume
from app.testing.flume import MemoryBodies as MemoryBodies
from app.testing.flume import Place as Place
from app.testing.flume import World as World
from app.testing.flume import answered as answered
