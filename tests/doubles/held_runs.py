"""What the testing kit has in app/testing/held_runs.py, under the name that our own tests know."""

from app.testing.held_runs import HeldRuns as HeldRuns
from app.testing.held_runs import paid_call as paid_call
