"""A Batch AI cluster that grows and shrinks by itself: each worker is a job of one node.

Nothing of it is remembered here. Jobs are numbered on from the highest there is, so a dispatcher
that comes back counts the workers that it started before, and two that start the same worker at
the same time are told so by the second's being refused.
"""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from services.dispatcher.settings import DispatcherSettings
from shared.batchai.cluster import RemoteCluster, plainly
from shared.batchai.states import JobState
from shared.errors import ClusterError
from shared.logs import logger
from shared.settings import Settings

log = logger()
NAME = re.compile(r"worker-(\d+)")


class BatchAICluster:
    def __init__(self, settings: DispatcherSettings) -> None:
        self._settings = settings
        self._remote = RemoteCluster(settings)
        self._ready = False
        self._last = 0
        self._said: set[str] | None = None
        self._nodes_said = 0
        self.nodes = settings.nodes

    def alive(self) -> int:
        state = self._remote.state() if self._ready else None
        if state is None:
            self._remote.ensure()
            self._ready = True
            state = self._remote.state()
        jobs = self._remote.jobs()
        self._last = max((number(job.name) for job in jobs), default=0)
        if state:
            self.nodes = max(1, state.maximum)
            self._say_size(state.nodes)
            self._say_once(state.errors)
        self._say_endings([job for job in jobs if job.over])
        self._forget_old([job for job in jobs if job.over])
        return sum(not job.over for job in jobs)
