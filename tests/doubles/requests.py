"""What the testing kit has in app/testing/requests.py, under the name that our own tests know."""

from app.testing.requests import PARTITIONS as PARTITIONS
from app.testing.requests import TENANT as TENANT
from app.testing.requests import body as body
from app.testing.requests import partition_of as partition_of
from app.testing.requests import record as record
from app.testing.requests import tenants_on as tenants_on
