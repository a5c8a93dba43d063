"""What the testing kit has in app/testing/observed.py, under the name that our own tests know."""

from app.testing.observed import Observed as Observed
