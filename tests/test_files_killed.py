"""Kill -9 on the deployed application while it loads a wave of batches: of the processes of functions, and of a job that has loaded half of its batch."""

import threading
import time
from pathlib import Path

import pytest

from tests.files_local import Burst, burst
from tests.killing import kill_functions, kill_job
from tests.local_application import needs_sam
from tests.state_world import in_soak

pytestmark = [pytest.mark.slow, needs_sam, in_soak]
FILES, BATCH = 60, 10
JOBS_TO_KILL, FUNCTIONS_TO_KILL = 2, 6


class Killer(threading.Thread):
    """Kills the first jobs that have loaded half of their batch, and meanwhile all functions, again and again. `halves`: how many lines each killed job
    had left in the account."""

    def __init__(self, played: Burst) -> None:
        super().__init__(daemon=True)
        self.played, self.over = played, threading.Event()
        self.script = played.folder.parent / "jobs" / "raw-burst-load.py"
        self.halves: dict[str, int] = {}
        self.functions: list[int] = []

    def run(self) -> None:
        while not self.over.wait(0.02):
            for account in self.played.account.glob("jr_*"):
                if len(self.halves) < JOBS_TO_KILL and account.name not in self.halves:
                    self._kill(account)
            if self.halves and len(self.functions) < FUNCTIONS_TO_KILL:
                self.functions += kill_functions(self.played.folder)
                time.sleep(0.3)

    def _kill(self, account: Path) -> None:
        if len(account.read_text().splitlines()) >= BATCH // 2 and kill_job(self.script, account.name):
            self.halves[account.name] = len(account.read_text().splitlines())


def test_the_day_ends_right_though_functions_and_jobs_are_killed_during_a_wave(tmp_path: Path) -> None:
    with burst(tmp_path, FILES, BATCH, parallel=3, pause=0.1) as played:
        killer = Killer(played)
        killer.start()
        played.tell(range(FILES))
        day = played.play()
        killer.over.set()
        killer.join()
        assert len(killer.halves) == JOBS_TO_KILL
        assert len(killer.functions) >= FUNCTIONS_TO_KILL
        assert day.problems == []
        assert played.sql("SELECT status, count(*)::integer FROM landing_file GROUP BY 1") == [("PROCESSED", FILES)]
        assert played.sql("SELECT count(*) FROM landing_batch WHERE status = 'PLANNED'") == [(0,)]
        loaded = played.loaded()
        assert len(loaded) == FILES
        again = sum(loaded.values()) - FILES
        assert again == sum(killer.halves.values()), "what killed jobs had loaded is loaded again, and nothing else"
        runs = played.sql("SELECT attempt, status FROM data_product_status WHERE product_id = 'raw/burst'")
        assert runs == [(1, "COMPLETED")]
        refreshed = "SELECT count(*) FROM refresh_event WHERE product_id = 'raw/burst' AND status = 'COMPLETED' AND superseded_at IS NULL"
        assert played.sql(refreshed) == [(1,)]
