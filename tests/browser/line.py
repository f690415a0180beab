"""A network connection between a browser and a server, which a test can cut."""

from __future__ import annotations

import contextlib
import socket
import threading


class Line:
    """Forwards bytes between the clients of ``url`` and a server on loopback."""

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
        """Close all connections, and every new one immediately."""
        self._whole = False
        for end in [*self._sockets]:
            # Wakes the thread that reads from it, which closing alone does not.
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def stall(self) -> None:
        """Keep the connections, but forward nothing."""
        self._flows.clear()

    def mend(self) -> None:
        """Undo `cut` and `stall`. Stalled bytes arrive now."""
        self._whole = True
        self._flows.set()

    def close(self) -> None:
        self.mend()
        self.cut()
        self._listener.close()

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
