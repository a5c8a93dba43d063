"""What the testing kit has in app/testing/hand_clock.py, under the name that our own tests know."""

from app.testing.hand_clock import START as START
from app.testing.hand_clock import START_AT as START_AT
from app.testing.hand_clock import HandClock as HandClock
