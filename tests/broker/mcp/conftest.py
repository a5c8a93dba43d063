"""Real MCP servers for each test, ended with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.doubles.mcp_servers import Programs


@pytest.fixture
async def programs(tmp_path: Path) -> AsyncIterator[Programs]:
    found = Programs(tmp_path)
    yield found
    for servers in found.opened:
        await servers.close()
