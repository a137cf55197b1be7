"""A changed file as a branch of the project's remote, from which a pull request is opened. Git writes objects and pushes one commit: the working tree, the index and
the branches on this machine stay as they are."""

import hashlib
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from headgate.board.api import AnswerError

REMOTE = "origin"
SECONDS = 60  # of one call of git
LONGEST_TITLE = 200
NOT_PROPOSED = "NotProposed"
_SSH = re.compile(r"(?:ssh://)?(?:[^@/]+@)?(?P<host>[^:/]+)(?::\d+/|[:/])(?P<path>.+)")
_LINK = re.compile(r"https://\S+")


@dataclass(frozen=True)
class Base:
    """What a branch starts from: the branch of the remote into which changes go, as this machine knows it."""

    branch: str
    commit: str
    remote: str  # its address, without a password


@dataclass(frozen=True)
class Request:
    """What would be pushed. `digest` stands for all of it."""

    base: Base
    path: str  # in the repository
    text: str
    title: str
    branch: str
    digest: str


class Repository:
    """The git repository that holds this folder. All raise `AnswerError` where git refuses, with what git says."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def base(self) -> Base:
        """The default branch of the remote, or the one that the current branch follows."""
        address = self._git("remote", "get-url", "--push", REMOTE)
        try:
            name = self._git("symbolic-ref", "--short", f"refs/remotes/{REMOTE}/HEAD")
        except AnswerError:
            name = self._git("rev-parse", "--abbrev-ref", "@{upstream}")
        if not name.startswith(f"{REMOTE}/"):
            raise AnswerError(NOT_PROPOSED, f"the current branch follows {name}, which is no branch of {REMOTE}")
        branch = name.removeprefix(f"{REMOTE}/")
        return Base(branch, self._git("rev-parse", f"refs/remotes/{name}"), _without_password(address))

    def request(self, file: Path, text: str, title: str) -> Request:
        """The change of this file alone. It is refused where the file on this machine is not the one of the base: the branch would carry more than the change."""
        if not title.strip() or "\n" in title or len(title) > LONGEST_TITLE:
            raise AnswerError(
                NOT_PROPOSED, f"the title of the change is one line of at most {LONGEST_TITLE} characters"
            )
        base = self.base()
        path = file.resolve().relative_to(self._top().resolve()).as_posix()
        _, known = self._entry(base.commit, path)
        if known != self._git(
            "hash-object", f"--path={path}", "--stdin", given=file.read_text("utf-8"), at=self._top()
        ):
            where = f"{REMOTE}/{base.branch}"
            raise AnswerError(NOT_PROPOSED, f"{path} is not the same here as in {where}; pull, or commit and push what is changed, and try again; the patch can be used as it is")  # fmt: skip
        digest = hashlib.sha256("\0".join((base.commit, path, title, text)).encode()).hexdigest()[:32]
        name = re.sub(r"[^a-z0-9]+", "-", file.relative_to(self._folder).with_suffix("").as_posix().lower()).strip("-")
        return Request(base, path, text, title.strip(), f"headgate/{name}-{digest[:8]}", digest)

    def push(self, request: Request) -> str | None:
        """Makes the commit and pushes it as a new branch. The address at which the remote's host opens a pull request of it, if that is known."""
        top = self._top()
        blob = self._git("hash-object", "-w", f"--path={request.path}", "--stdin", given=request.text, at=top)
        mode, _ = self._entry(request.base.commit, request.path)
        with tempfile.TemporaryDirectory() as folder:
            index = str(Path(folder, "index"))
            self._git("read-tree", request.base.commit, index=index, at=top)
            self._git("update-index", "--cacheinfo", f"{mode},{blob},{request.path}", index=index, at=top)
            tree = self._git("write-tree", index=index, at=top)
        commit = self._git("commit-tree", tree, "-p", request.base.commit, "-F", "-", given=request.title + "\n")
        said = self._git("push", "--porcelain", REMOTE, f"{commit}:refs/heads/{request.branch}", with_errors=True)
        return link(request.base, request.branch, said)

    def _top(self) -> Path:
        return Path(self._git("rev-parse", "--show-toplevel"))

    def _entry(self, commit: str, path: str) -> tuple[str, str]:
        """The mode and the object of a file in a commit; empty where it is not in it."""
        found = self._git("ls-tree", "--full-tree", commit, "--", path).split()
        return (found[0], found[2]) if found else ("", "")

    def _git(self, *arguments: str, given: str = "", index: str | None = None, at: Path | None = None, with_errors: bool = False) -> str:  # fmt: skip
        environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"} | ({"GIT_INDEX_FILE": index} if index else {})
        try:
            done = subprocess.run(
                ["git", "-C", str(at or self._folder), *arguments], input=given, capture_output=True, text=True, check=False, timeout=SECONDS,
                env=environment, start_new_session=True,  # without a terminal nothing asks for a password in the one of the board
            )  # fmt: skip
        except FileNotFoundError:
            raise AnswerError(NOT_PROPOSED, "git is not installed here") from None
        except subprocess.TimeoutExpired:
            raise AnswerError(NOT_PROPOSED, f"`git {arguments[0]}` did not answer within {SECONDS} seconds") from None
        if done.returncode:
            raise AnswerError(
                NOT_PROPOSED, f"`git {arguments[0]}` refuses: {done.stderr.strip() or done.stdout.strip()}"
            )
        return (done.stdout + done.stderr if with_errors else done.stdout).strip()


def link(base: Base, branch: str, said: str = "") -> str | None:
    """Where the host of the remote opens a pull request: what the host has said at the push, or the address that GitHub, GitLab and Bitbucket have. None of others."""
    place = _web(base.remote)
    if place is None:
        return None
    host, path = place
    for each in _LINK.findall("\n".join(line for line in said.splitlines() if line.startswith("remote:"))):
        if urlsplit(each).hostname == host:
            return str(each)
    start, end, address = quote(base.branch), quote(branch), f"https://{host}/{path}"
    if "github" in host:
        return f"{address}/compare/{start}...{end}?expand=1"
    if "gitlab" in host:
        source, target = quote("merge_request[source_branch]"), quote("merge_request[target_branch]")
        return (
            f"{address}/-/merge_requests/new?{source}={quote(branch, safe='')}&{target}={quote(base.branch, safe='')}"
        )
    if "bitbucket" in host:
        return f"{address}/pull-requests/new?source={quote(branch, safe='')}&dest={quote(base.branch, safe='')}"
    return None


def _web(remote: str) -> tuple[str, str] | None:
    """The host and the path of a repository that is reached by HTTPS or SSH."""
    parts = urlsplit(remote)
    if parts.scheme == "https" and parts.hostname:
        host, path = parts.hostname, parts.path
    elif parts.scheme in ("", "ssh") and not remote.startswith((".", "/")) and (found := _SSH.fullmatch(remote)):
        host, path = found["host"], found["path"]
    else:
        return None
    return host, path.strip("/").removesuffix(".git")


def _without_password(address: str) -> str:
    return re.sub(r"^(https?://)[^@/]*@", r"\1", address)
