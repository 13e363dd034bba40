"""The workload `video`: paints the frames of videos in the style of a painting."""

from typing import TYPE_CHECKING, ClassVar

from shared.workload import Learning, Program, Scoring, Splitting, Stitching, Workload

if TYPE_CHECKING:  # a sandbox imports this module, and has no use for storage
    from shared.models import Model
    from shared.pages import Pages
    from shared.storage import Storage


class Video(Workload):
    name = "video"
    input, output = "input", "output"
    items, model = "frames", "style"
    how_to = "drop videos in the container input, as STYLE/NAME.mp4"
    lessons = "styles"
    programs: ClassVar = {
        "train": Program(
            "workloads.video.training",
            "Train the network from photos and paintings, which takes an hour or more.",
        )
    }

    def splitting(self, storage: "Storage") -> Splitting:
        from workloads.video.splitter import VideoSplitting

        return VideoSplitting(storage)

    def scoring(self, storage: "Storage") -> Scoring:
        from workloads.video.scoring.catalog import Catalog

        return Catalog(storage)

    def stitching(self, storage: "Storage") -> Stitching:
        from workloads.video.stitcher import VideoStitching

        return VideoStitching(storage)

    def learning(self) -> Learning:
        from workloads.video.learner import StyleLearning

        return StyleLearning()

    def require_model(self, storage: "Storage", model: str) -> None:
        from workloads.video.styles import require_styles

        require_styles(storage, model)

    def pages(self, storage: "Storage") -> "Pages":
        from workloads.video.pages import VideoPages

        return VideoPages(storage)

    def shipped_models(self) -> "list[Model]":
        from workloads.video.scoring.catalog import shipped_models

        return shipped_models()


VIDEO = Video()
