"""Services with the parts of the workload `video`, for tests that call them without their loop."""

from services.splitter.service import Splitter
from services.splitter.settings import SplitterSettings
from services.stitcher.service import Stitcher
from shared.settings import Settings
from shared.storage import Storage
from workloads.video.settings import SplittingSettings, StitchingSettings
from workloads.video.splitter import VideoSplitting
from workloads.video.stitcher import VideoStitching


def video_splitter(storage: Storage, settings: Settings, **changes: object) -> Splitter:
    values = settings.model_dump() | changes
    part = VideoSplitting(storage, SplittingSettings.model_validate(values))
    return Splitter(storage, SplitterSettings.model_validate(values), {"video": part})


def video_stitcher(storage: Storage, settings: Settings, **changes: object) -> Stitcher:
    values = settings.model_dump() | changes
    part = VideoStitching(storage, StitchingSettings.model_validate(values))
    return Stitcher(storage, {"video": part})
