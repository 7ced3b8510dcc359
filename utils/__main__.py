"""``python -m utils``: see `utils.cli`."""

import signal
import sys

try:
    from utils.cli import main

    status = main()
except KeyboardInterrupt:  # before the first line of a command, or a second one while the first was answered
    status = 130
signal.signal(signal.SIGINT, signal.SIG_DFL)  # from here on, another Ctrl-C ends it without a traceback
sys.exit(status)
