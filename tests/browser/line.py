"""A network connection between a browser and a server, which a test can cut."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading


class Line:
    """Forwards bytes between the clients of ``url`` and a server on loopback.

    It is a process, because its threads and sockets come and go, and a test fails that leaves some in its own process.
    """

    def __init__(self, port: int) -> None:
        command = [sys.executable, __file__, str(port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self._answer()

    def cut(self) -> None:
        """Close all connections, and every new one immediately."""
        self._tell("cut")

    def stall(self) -> None:
        """Keep the connections, but forward nothing."""
        self._tell("stall")

    def mend(self) -> None:
        """Undo `cut` and `stall`. Stalled bytes arrive now."""
        self._tell("mend")

    def close(self) -> None:
        with self._process:
            self._process.kill()

    def _tell(self, command: str) -> None:
        assert self._process.stdin is not None
        print(command, file=self._process.stdin, flush=True)
        assert self._answer() == command

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class Forwarder:
    """The line in its process."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sockets: set[socket.socket] = set()
        self._flows = threading.Event()
        self._flows.set()
        self._whole = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._whole = False
        for end in [*self._sockets]:
            # Wakes the thread that reads from it, which closing alone does not.
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def stall(self) -> None:
        self._flows.clear()

    def mend(self) -> None:
        self._whole = True
        self._flows.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self._whole:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._port))
                self._sockets |= {near, far}
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with source:
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    self._flows.wait()
                    target.sendall(data)
            self._sockets.discard(source)
            # This ends the thread of the other direction, which closes it.
            with contextlib.suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    forwarder = Forwarder(int(sys.argv[1]))
    print(forwarder.url, flush=True)
    commands = {"cut": forwarder.cut, "stall": forwarder.stall, "mend": forwarder.mend}
    for line in sys.stdin:
        commands[line.strip()]()
        print(line, end="", flush=True)
