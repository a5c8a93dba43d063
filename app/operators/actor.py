"""Who gives a command, where the person does not say: the login name and the machine."""

import getpass
import socket


def this_person() -> str:
    """login@host; a number where the user has no name, as in containers."""
    try:
        login = getpass.getuser()
    except (KeyError, OSError, ImportError):
        login = "somebody"
    return f"{login}@{socket.gethostname()}"
