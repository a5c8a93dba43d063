"""Starts one command and either ends it when our caller is gone, or lets go of it; run as a script.

`tether.py tied|detached COMMAND...` prints the command's pid. Tied: our standard input is a pipe whose other
end the caller holds, so end of file means that the caller ended, however it ended.
"""

import ctypes
import signal
import subprocess
import sys
import threading

GRACE_S = 10.0
PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask Linux to kill this process if the tether itself is killed; elsewhere the pipe alone protects."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def end(child: "subprocess.Popen[bytes]") -> None:
    """Terminate, and kill what does not end in time."""
    child.terminate()
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()


def end_with_caller(child: "subprocess.Popen[bytes]") -> None:
    """Block until the caller's end of the pipe closes."""
    while sys.stdin.buffer.read(1):
        pass
    end(child)


def main(mode: str, command: list[str]) -> int:
    tied = mode == "tied"
    prepare = die_with_parent if tied and sys.platform != "win32" else None
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=sys.stderr, preexec_fn=prepare, start_new_session=not tied
    )
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    if not tied:
        return 0
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    threading.Thread(target=end_with_caller, args=(child,), daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
