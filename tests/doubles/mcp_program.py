"""A small MCP server on standard input and output: `mcp_program.py NOTES` writes there what it is asked."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

NOTES = Path(sys.argv[1])


def note(text: str) -> None:
    with NOTES.open("a") as notes:
        notes.write(f"{text}\n")


def made() -> MCPServer:
    """Its tools; one of them ends it, one is slow, one is offered only after it was asked for."""
    server = MCPServer("notes")

    @server.tool()
    def add(a: int, b: int) -> str:
        """Adds."""
        note(f"add {a} {b}")
        return f"sum {a + b}"

    @server.tool()
    def refuse(text: str) -> str:
        """Fails."""
        note(f"refuse {text}")
        raise ToolError(f"no {text} today")

    @server.tool()
    async def slow(seconds: float) -> str:
        """Takes its time."""
        note("slow")
        await asyncio.sleep(seconds)
        return "late"

    @server.tool()
    def crash() -> str:
        """Ends the server."""
        note("crash")
        os._exit(3)

    if (NOTES.parent / "more").exists():

        @server.tool()
        def later() -> str:
            """Was not there before."""
            return "here"

    return server


if __name__ == "__main__":
    note(f"started {os.getpid()} {os.environ.get('MCP_WORD', '')}")
    if "brood" in sys.argv:  # leaves a child behind
        child = subprocess.Popen(["sleep", "1000"])
        note(f"started {child.pid}")
    if "deaf" in sys.argv:  # ends neither when its input ends nor when it is asked to
        import signal
        import threading

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        threading.Thread(target=threading.Event().wait).start()
    if "http" in sys.argv:
        made().run("streamable-http", host="127.0.0.1", port=int(sys.argv[-1]))
    made().run()
