import asyncio
import os
import signal

from tests.widget.counting_tuner import make_session


def test_an_interrupt_between_cells_stops_the_run_and_restores_the_handler():
    calls = []

    def kernel_handler(number, frame):
        calls.append(number)

    async def cell():
        session = make_session(5)
        session.step()
        session.tick(0)
        session.start()
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.05)
        return session

    before = signal.signal(signal.SIGINT, kernel_handler)
    try:
        session = asyncio.run(cell())
        assert signal.getsignal(signal.SIGINT) == kernel_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert calls == [signal.SIGINT], "the previous handler is called, too"
    assert (session.status, session.error) == ("error", "Interrupted in round 2. Press Run to continue from there.")
    session.run()
    session.close()
    assert session.tuner.rounds == [0, 1, 2, 3, 4]


def test_signal_handlers_of_several_sessions_do_not_call_each_other():
    async def cell():
        first, second = make_session(5), make_session(5)
        for session in (first, second):
            session.start()
            await asyncio.sleep(0)
        first.pause()
        await asyncio.sleep(0)
        first.resume()
        await asyncio.sleep(0)
        for session in (first, second):
            session.pause()
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.01)
        return first, second

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for session in asyncio.run(cell()):
            assert session.status == "paused"
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
