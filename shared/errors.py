"""Every error that Impasto raises on purpose.

ImpastoError
├── Refused            the input can't be scored; its text is one sentence for its owner
├── Misconfigured      a setting is missing or makes no sense; its text names it
├── ChildDied          a child process hung, crashed or wanted too much memory
│   └── ChildKilled    … but somebody killed it: that says nothing of what it was doing
├── MessageError
│   ├── Malformed      a body that isn't the message its queue carries
│   └── TooBig         a message that no queue would take
├── Settlement         what a handler may say of the message in its hand
│   ├── Reject         it will never work: to poison, now
│   ├── Retry          it failed: again later
│   └── NotYet         what it needs is on its way: again later, as if for the first time
├── Interrupted        the handler has to let go
│   ├── LeaseLost      the message may be in another worker's hand by now
│   ├── Stopping       this process was told to leave
│   └── JobEnded       the job that this is for was ended by somebody else
├── StorageError
│   ├── Missing        no such blob or message
│   ├── Changed        the blob is no longer the one that was meant
│   ├── Taken          somebody else holds the claim
│   ├── Forbidden      the account doesn't let us do it: 401, 403, or no login
│   ├── Unprepared     no such container or queue
│   └── Unavailable    storage didn't answer, for longer than it is worth waiting
├── ClusterError       the service that runs the cluster refused, or didn't answer
└── RequestRefused     what that service, run locally, answers: a status, a code, a sentence
"""


class ImpastoError(Exception):
    pass


class Refused(ImpastoError):
    pass


class Misconfigured(ImpastoError):
    pass


class ChildDied(ImpastoError):
    pass


class ChildKilled(ChildDied):
    pass


class MessageError(ImpastoError):
    pass


class Malformed(MessageError):
    pass


class TooBig(MessageError):
    pass


class Settlement(ImpastoError):
    pass


class Reject(Settlement):
    pass


class Retry(Settlement):
    def __init__(self, reason: str, after: float) -> None:
        super().__init__(reason)
        self.after = after


class NotYet(Settlement):
    def __init__(self, reason: str, after: float) -> None:
        super().__init__(reason)
        self.after = after


class Interrupted(ImpastoError):
    pass


class LeaseLost(Interrupted):
    pass


class Stopping(Interrupted):
    pass


class JobEnded(Interrupted):
    pass


class StorageError(ImpastoError):
    pass


class Missing(StorageError):
    pass


class Changed(StorageError):
    pass


class Taken(StorageError):
    pass


class Forbidden(StorageError):
    pass


class Unprepared(StorageError):
    pass


class Unavailable(StorageError):
    pass


class ClusterError(ImpastoError):
    pass


class RequestRefused(ImpastoError):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
