"""What loading files should come to, in a few lines that know nothing of SQL: what was put, in which order, and what jobs have loaded of it."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

CHANGES = "raw/changes"  # the product whose every version counts (`load: cdc`)


@dataclass(frozen=True)
class Put:
    """A version of an object. `nature`: what a job finds in it: good, bad (rejected each time), refused (nothing but a person helps), flaky (fails once), mute (a job
    says nothing of it, once), poison (kills each job run that meets it)."""

    product: str
    key: str
    number: int  # S3 counts them as they are put
    size: int
    nature: str
    lane: str = ""
    place: int = 0

    @property
    def version(self) -> str:
        return f"v{self.number:04}"


@dataclass
class Oracle:
    """`recorded`: the numbers of what the state knows of, each with the step of the day at which it was first reported. `target`: of each object of a product
    whose newest version counts, the one whose rows are there."""

    puts: dict[str, Put] = field(default_factory=dict)  # by version
    recorded: dict[str, int] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)
    healed: bool = False  # whatever was wrong with files and jobs is mended
    target: dict[str, Put] = field(default_factory=dict)
    loads: Counter[str] = field(default_factory=Counter)  # by job runs that succeeded
    wanted_again: Counter[str] = field(default_factory=Counter)
    in_target: set[str] = field(default_factory=set)  # whatever became of the job run
    _tried: Counter[str] = field(default_factory=Counter)

    def put(self, put: Put) -> None:
        self.puts[put.version] = put

    def newest(self) -> dict[str, Put]:
        """Of each object the newest version of which the state knows."""
        found: dict[str, Put] = {}
        for put in sorted((self.puts[each] for each in self.recorded), key=lambda each: each.number):
            found[put.key] = put
        return found

    def found_in(self, version: str) -> str:
        """What a job finds in the file when it reads it."""
        put = self.puts[version]
        self._tried[version] += 1
        if self.healed or (put.nature in ("flaky", "mute") and self._tried[version] > 1):
            return "good"
        return put.nature

    def load(self, version: str, late: bool, planned_at: int, before: list[str]) -> None:
        """A job writes the file's rows. `before`: the files that came before it in the same batch."""
        put = self.puts[version]
        assert version not in self.ignored, f"{put} is ignored"
        if put.product == CHANGES:
            self._check_lane(put, late, planned_at, before)
        else:
            there = self.target.get(put.key)
            assert there is None or there.number <= put.number, f"{put} is written over {there}"
            self.target[put.key] = put
        self.in_target.add(version)

    def _check_lane(self, put: Put, late: bool, planned_at: int, before: list[str]) -> None:
        """What comes before the file in its lane is in the target, as far as it was known when the batch was planned; `late` says that something behind it is."""
        lane = [
            each
            for each in map(self.puts.__getitem__, self.recorded)
            if (each.product, each.lane) == (CHANGES, put.lane)
        ]
        place = (put.place, put.number)
        behind = [each for each in lane if (each.place, each.number) > place and self.loads[each.version]]
        assert late or not behind, f"{put} is loaded after {behind}, which is behind it"
        for each in lane:
            if (
                (each.place, each.number) < place
                and self.recorded[each.version] < planned_at
                and not self._is_corrected(each, lane)
            ):
                assert each.version in self.in_target or each.version in before or each.version in self.ignored, (
                    f"{put} is loaded before {each}"
                )

    def _is_corrected(self, put: Put, lane: list[Put]) -> bool:
        """It was left out, and a newer version has taken its place."""
        return not self.loads[put.version] and any(each.key == put.key and each.number > put.number for each in lane)

    def succeeded(self, versions: list[str]) -> None:
        """A job run has said that these are loaded, and has succeeded."""
        self.loads.update(versions)
        twice = [self.puts[each] for each in versions if self.loads[each] > 1 + self.wanted_again[each]]
        assert twice == [], "no version is loaded twice"

    def of_lanes(self) -> dict[str, list[Put]]:
        found: dict[str, list[Put]] = defaultdict(list)
        for each in sorted((self.puts[each] for each in self.recorded), key=lambda each: (each.place, each.number)):
            if each.product == CHANGES and each.lane:
                found[each.lane].append(each)
        return found
