"""The service as its users start it, for the tests of its addresses and of its page."""

import http.client
import json
import re
import signal
import subprocess
import sys

from utils.paths import ROOT


class Server:
    """``python -m utils serve`` in a process of its own."""

    def __init__(self, *arguments):
        command = [sys.executable, "-m", "utils", "serve", "--port", "0", *arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lines = []
        while not (lines and lines[-1].startswith("Open ")):
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            lines.append(line)
        self.lines, self.port = lines, int(re.search(r":(\d+)", lines[-1])[1])

    def ask(self, method, address, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, address, body)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
