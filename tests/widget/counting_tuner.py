from autolr_widget.engine.settings import Settings
from autolr_widget.widget.session import Session


class CountingTuner:
    """A fake `LRTuner` whose n-th round is the number n."""

    can_measure = True

    def __init__(self, settings):
        self.settings = settings
        self.rounds = []
        self.fails = None
        self.gate = None

    def let_go(self):
        pass

    def step(self):
        if self.gate:
            self.gate.wait(5)
        if self.fails:
            error, self.fails = self.fails, None
            raise error
        self.rounds.append(len(self.rounds))

    def renewed(self, settings):
        return CountingTuner(settings)

    @property
    def is_complete(self):
        return len(self) >= self.settings.num_subsamples

    def __len__(self):
        return len(self.rounds)


def make_session(rounds):
    return Session(CountingTuner(Settings(num_subsamples=rounds)), on_rounds=lambda: None)
