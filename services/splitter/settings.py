from pydantic import Field

from shared.settings import Settings


class SplitterSettings(Settings):
    segment_seconds: float = Field(
        10, gt=0, description="About how long a piece of video one splitter decodes at a time."
    )
    jpeg_quality: int = Field(
        95, ge=1, le=100, description="Quality of the frames on their way to the scorer."
    )
