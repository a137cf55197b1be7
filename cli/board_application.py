"""A running application, as the board asks it."""

from typing import Any

from headgate.board.api import AnswerError
from headgate.cli.application import OPERATE, Application
from headgate.cli.errors import UsageError
from headgate.cli.log_reader import job_runs, reader_of
from headgate.cli.log_report import as_json
from headgate.cli.operate import actor

LINES = 200  # of each place
MOST_JOB_RUNS = 20


class BoardApplication:
    """Asks with the credentials of whoever runs the command; on AWS that is also who acts."""

    def __init__(self, target: Application) -> None:
        self._target = target

    @property
    def name(self) -> str:
        return self._target.name.removeprefix("stack ")

    def ask(self, event: dict[str, Any]) -> dict[str, Any]:
        if event["question"] == "logs":
            return self._logs(event)
        answer: dict[str, Any] = self._call("InquireFunctionName", event)
        return answer

    def _logs(self, event: dict[str, Any]) -> dict[str, Any]:
        """As `headgate logs` reads them, with the same permissions: {job_runs}, the latest ones."""
        answer = self.ask({**event, "question": "history"})
        found = job_runs(answer["entries"])[-MOST_JOB_RUNS:]
        reader = reader_of(self._target, LINES)
        logs = [as_json(each, list(reader.sections(each))) for each in found]
        return {"question": "logs", "business_date": answer["business_date"], "job_runs": logs}

    def act(self, event: dict[str, Any]) -> Any:
        return self._call(OPERATE, {**event, "actor": actor()})

    def _call(self, output: str, event: dict[str, Any]) -> Any:
        try:
            return self._target.call(output, event)
        except UsageError as error:
            raise AnswerError(error.details.get("kind", ""), str(error)) from None


class LocalBoardApplication(BoardApplication):
    """What `headgate up` runs in a folder: looked up for each call, since it may have been started again."""

    def __init__(self) -> None:
        super().__init__(Application("the local runtime", {}, {}, local=True))

    def _call(self, output: str, event: dict[str, Any]) -> Any:
        from headgate.cli.application import local

        try:
            self._target = local()
        except UsageError as error:
            raise AnswerError("", str(error)) from None
        return super()._call(output, event)
