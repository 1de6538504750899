"""Who may begin, and when: asked of whoever reads the stand-in's output."""

import sys
import threading


class Door:
    """Holds clients until they are let in, by their ports."""

    def __init__(self, truth):
        self.truth = truth
        self.waiting = {}
        self.lock = threading.Lock()
        threading.Thread(target=self.listen, daemon=True).start()

    def event(self, port):
        with self.lock:
            return self.waiting.setdefault(port, threading.Event())

    def listen(self):
        for line in sys.stdin:
            self.event(int(line)).set()

    def hold(self, port):
        event = self.event(port)
        self.truth.say({"knock": port})
        event.wait()
        with self.lock:
            del self.waiting[port]
