"""Every error that Impasto raises on purpose.

ImpastoError
├── Refused            the input can't be scored; the text is one sentence for its owner
├── Misconfigured      a setting is missing or makes no sense; the text names it
├── ChildDied          a child process hung, crashed or used too much memory
│   └── ChildKilled    it was killed from outside, which isn't the fault of its input
├── MessageError
│   ├── Malformed      a body isn't the message that its queue carries
│   └── TooBig         a message is too large for a queue
├── Settlement         a handler says what to do with its message
│   ├── Reject         poison it now: it will never succeed
│   ├── Retry          retry it later; this attempt counts
│   └── NotYet         postpone it, as if it came for the first time: something isn't ready
├── Interrupted        the handler has to stop
│   ├── LeaseLost      another worker may have the message by now
│   ├── Stopping       this process was told to leave
│   └── JobEnded       the job was ended by somebody else, such as by a cancellation
├── StorageError
│   ├── Missing        there is no such blob or message
│   ├── Changed        the blob was replaced
│   ├── Taken          somebody else holds the claim
│   ├── Forbidden      the account doesn't allow it: 401, 403, or no login
│   ├── Unprepared     there is no such container or queue
│   └── Unavailable    storage hasn't answered for too long
├── ClusterError       the service that runs the cluster refused a request, or didn't answer
└── RequestRefused     an error response of the local Batch AI: status, code, sentence
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
