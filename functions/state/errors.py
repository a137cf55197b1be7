"""What can go wrong, by the names that the retriers and catchers of machines use."""


class StateError(Exception):
    """The state refuses, or the call has a defect."""


class StateUnavailable(StateError):
    """The database resumes, does not answer or is being migrated; the machine tries again."""


class UnknownRun(StateError):
    """No run has this id or name."""


class UnknownProduct(StateError):
    """No active product has this name."""


class NoPipeline(UnknownProduct):
    """The product, or the domain, has no pipeline here, so it has no runs."""


class UnknownStepType(StateError):
    """No step type has this name."""


class StaleAttempt(StateError):
    """The machine belongs to an earlier attempt of its run."""


class IllegalTransition(StateError):
    """The run's status does not allow this."""


class CatalogGoesBack(StateError):
    """The catalog is older than the one that is loaded."""


class SchemaGoesBack(StateError):
    """The release is older than the one whose schema the database has."""


class NotIdentified(StateError):
    """The caller's identity is not proven."""


class NotAllowed(StateError):
    """The caller is no operator of the domain."""


class ChangedMeanwhile(StateError):
    """The operation would change something else than its preview said."""


class UnknownFile(StateError):
    """No file has the number."""


class TooMuch(StateError):
    """The call asks for more than is allowed."""


class UnknownMetadata(StateError):
    """An argument takes from the refresh of an input what that does not pass on."""


class FilesFailed(Exception):
    """More files could not be loaded than the step accepts; the message names the first."""


class FilesRejected(Exception):
    """The content of more files is wrong than the step accepts; the message names the first."""


class WavesExhausted(Exception):
    """Batches of files were planned again and again, and always failed."""


class FilesRemain(Exception):
    """All waves of batches that one execution has were loaded, and files are left: the next attempt goes on with them by itself."""


class DeadlineExceeded(Exception):
    """The deadline passed; the message names what is missing."""


class UpstreamFailed(DeadlineExceeded):
    """The deadline passed because an upstream failed: not a failure of the product itself."""


class UnknownLetter(Exception):
    """No dead letter has this id."""


class RunHeld(Exception):
    """The deadline passed while the run was held: it stays WAITING, and the end of the hold starts its next attempt."""


class BadEvent(ValueError):
    """An event or request that does not keep its contract; the message says where."""


class LaunchNotFound(Exception):
    """No job run has the mark of a launch that was not answered: it can be launched again."""


class LaunchRefused(Exception):
    """The service has answered the launch without starting anything: it has no room."""


class JobFailed(Exception):
    """The job ended FAILED."""


class ClusterLost(Exception):
    """The cluster was not ready in time, or has ended while it was needed."""


class JobTimedOut(Exception):
    """The job ended at its own timeout."""


class JobStopped(Exception):
    """The job was stopped."""


class JobStillRunning(Exception):
    """The job still ran after its time. It was asked to stop; starting it again before it ends would run it twice."""


RAISED = {
    each.__name__: each
    for each in (
        UnknownRun,
        UnknownProduct,
        NoPipeline,
        StaleAttempt,
        IllegalTransition,
        ChangedMeanwhile,
        CatalogGoesBack,
        TooMuch,
        UnknownFile,
        UnknownMetadata,
    )
}
