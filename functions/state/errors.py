"""What can go wrong, by the names a machine's retriers and catchers know."""


class StateError(Exception):
    """The state refuses, or it is in a way nobody thought of."""


class StateUnavailable(StateError):
    """The database resumes or does not answer; the machine tries again."""


class UnknownRun(StateError):
    """No run has this id or name."""


class UnknownProduct(StateError):
    """No active product has this name."""


class StaleAttempt(StateError):
    """The machine belongs to an earlier attempt of its run."""


class IllegalTransition(StateError):
    """The run's status does not allow this."""


class CatalogGoesBack(StateError):
    """The catalog is older than the one that is loaded."""


class TooMuch(StateError):
    """More than one call should ask for."""


class DeadlineExceeded(Exception):
    """The deadline passed; the message names what is missing."""


class UpstreamFailed(DeadlineExceeded):
    """The deadline passed because something upstream failed: not a failure of the product's own."""


class BadEvent(ValueError):
    """An event or request that keeps no contract; the message says where."""


class JobFailed(Exception):
    """The job ended FAILED."""


class JobTimedOut(Exception):
    """The job ended at its own timeout."""


class JobStopped(Exception):
    """Somebody stopped the job."""


class JobStillRunning(Exception):
    """The job runs on beyond its time; starting it again would run it twice."""


RAISED = {
    each.__name__: each
    for each in (UnknownRun, UnknownProduct, StaleAttempt, IllegalTransition, CatalogGoesBack, TooMuch)
}
