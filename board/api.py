"""What the page asks for: questions and actions, sent to the applications whose products these are."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from headgate.board.merging import Answer, merged, most_critical, parts
from headgate.board.page_requests import AnswerError as AnswerError
from headgate.board.page_requests import check_bound, question_of

# Questions that the application of the product answers.
OF_PRODUCT = {"why", "runs", "product", "logs", "critical_path"}
OF_ONE = {"file", "dead_letter"}  # questions about a thing that one application knows
WHOLE = {"since", "columns"}  # of a status: positions and columns are of one application
# Questions whose answers are no rows, and how those of several applications become one.
MERGES: dict[str, Callable[[dict[str, Answer]], Answer]] = {
    "mesh": parts,
    "critical_path": lambda answers: most_critical(answers.values()),
}


class Application(Protocol):
    """A running application. Both raise `AnswerError`."""

    @property
    def name(self) -> str: ...
    def ask(self, event: Answer) -> Answer: ...
    def act(self, event: Answer) -> Any: ...


class Editor(Protocol):
    """The metadata on this machine. Both raise `AnswerError`."""

    def source(self, product: str) -> Answer: ...
    def draft(self, product: str, text: str) -> Answer: ...
    def propose(self, product: str, text: str, title: str, expect: str | None) -> Answer: ...


class Board:
    """The applications that one page shows, and the metadata that can be tried in it, if there is any."""

    def __init__(self, applications: Sequence[Application], editor: Editor | None = None) -> None:
        self._applications = list(applications)
        self.editor = editor
        self._homes: dict[str, Application] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        return [each.name for each in self._applications]

    def question(self, name: str, about: dict[str, str]) -> Answer:
        """The answer of all applications, or of the one that refreshes the product or that `application` names. An application that does not answer is in
        `unreachable`, with its reason. Raises `AnswerError` where none answers."""
        event: Answer = question_of(name, about)
        wanted = event.pop("application", None)
        if name == "preview":
            return self._preview(event["operation"], wanted)
        if wanted is not None:
            return self._named(wanted).ask(event)
        if name in OF_PRODUCT and "product" in event:
            return self._home(event["product"]).ask(event)
        if name in OF_ONE and len(self._applications) > 1:
            raise AnswerError("BadEvent", f"the question {name} needs `application`, one of {', '.join(self.names)}")
        if len(self._applications) > 1:
            event.pop("digest", None)
            event = {key: value for key, value in event.items() if key not in WHOLE}
        answers, failures = self._all(lambda each: each.ask(dict(event)))
        if not answers:
            raise next(iter(failures.values()))
        whole = MERGES.get(name, merged)(answers)
        if failures:
            whole["unreachable"] = [
                {"application": name, "message": str(error)} for name, error in sorted(failures.items())
            ]
        return whole

    def _preview(self, given: Answer, wanted: str | None) -> Answer:
        """What an operation would change, for whoever may read."""
        application = self._acting(given if wanted is None else {**given, "application": wanted})
        return application.ask(
            {"question": "preview", "operation": {key: value for key, value in given.items() if key != "application"}}
        )

    def action(self, name: str, given: Answer) -> Any:
        """What the application of the product answers to the action. Raises `AnswerError`, also where the action is neither a preview nor bound to one."""
        check_bound(given)
        event = {key: value for key, value in given.items() if key != "application"} | {"action": name}
        return self._acting(given).act(event)

    def _acting(self, given: Answer) -> Application:
        if "application" in given:
            return self._named(given["application"])
        if "product" in given:
            return self._home(given["product"])
        if len(self._applications) == 1:
            return self._applications[0]
        raise AnswerError("BadEvent", f"the action needs `application`, one of {', '.join(self.names)}")

    def _named(self, name: Any) -> Application:
        for each in self._applications:
            if each.name == name:
                return each
        raise AnswerError("BadEvent", f"no application is named {name}; there are {', '.join(self.names)}")

    def _home(self, product: str) -> Application:
        """The application that refreshes the product; where none does, the first that knows it."""
        if len(self._applications) == 1:
            return self._applications[0]
        with self._lock:
            known = self._homes.get(product)
        if known is None:
            answers, failures = self._all(lambda each: each.ask({"question": "product", "product": product}))
            if not answers:
                raise next(iter(failures.values()))
            name = next((name for name, answer in answers.items() if answer["pipeline"]), next(iter(answers)))
            known = self._named(name)
            with self._lock:
                self._homes[product] = known
        return known

    def _all(self, call: Callable[[Application], Answer]) -> tuple[dict[str, Answer], dict[str, AnswerError]]:
        answers: dict[str, Answer] = {}
        failures: dict[str, AnswerError] = {}
        with ThreadPoolExecutor(len(self._applications)) as threads:
            for each, future in [(each, threads.submit(call, each)) for each in self._applications]:
                try:
                    answers[each.name] = future.result()
                except AnswerError as error:
                    failures[each.name] = error
        return answers, failures
