"""Nothing of ours needs Unix to be imported. Run here with everything hidden that Windows lacks.

Third-party packages are imported before, as this system's builds of them may use what is hidden.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

IMPORT_ALL = """
import importlib, os, pkgutil, signal, socket, sys

def modules():
    import robot_app
    found = pkgutil.walk_packages(robot_app.__path__, "robot_app.")
    return ["robot_app", *sorted(info.name for info in found)]

def import_all(names):
    for name in names:
        importlib.import_module(name)

names = modules()
import_all(names)
for name in [name for name in sys.modules if name.partition(".")[0] == "robot_app"]:
    del sys.modules[name]

for name in ("fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"):
    sys.modules[name] = None  # importing it is an ImportError
for module, hidden in (
    (os, "fork forkpty getegid geteuid getgid getloadavg getpgid getpgrp getuid kill killpg mkfifo nice openpty "
         "sched_getaffinity sched_setaffinity setsid set_blocking statvfs sysconf uname wait4"),
    (signal, "SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP SIGUSR1 SIGUSR2 alarm "
             "pthread_kill pthread_sigmask setitimer sigwait"),
    (socket, "AF_UNIX SO_REUSEPORT socketpair"),
):
    for name in hidden.split():
        if hasattr(module, name):
            delattr(module, name)
for line in ("import fcntl", "from os import getuid", "import signal; signal.SIGKILL", "from socket import AF_UNIX"):
    try:
        exec(line)
    except (ImportError, AttributeError):
        continue
    sys.exit(f"not hidden: {line}")
import_all(names)
print(len(names))
"""


def test_no_module_needs_unix_to_be_imported():
    command = [sys.executable, "-c", IMPORT_ALL]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(list((ROOT / "robot_app").rglob("*.py")))
