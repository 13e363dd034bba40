"""The settings of readings: rounds, limits on what devices send, shards, and the webhook."""

from pydantic import Field, SecretStr

from shared.settings import Settings


class ReadingsSettings(Settings):
    readings_fields: tuple[str, str, str] = Field(
        ("device", "time", "value"),
        description="The fields or columns of a reading's device, time and value, as a JSON list.",
    )
    readings_delay_minutes: float = Field(
        10,
        ge=0,
        description="How long after the end of its hour a round begins. Capture writes a file "
        "when its interval ends, so this is longer than that.",
    )
    readings_catch_up_hours: int = Field(
        24, ge=1, description="How many hours back a round that was missed is still done."
    )
    readings_lateness_hours: float = Field(
        24, ge=0, description="How late a reading may arrive and still be scored."
    )
    readings_ahead_minutes: float = Field(
        15, ge=0, description="How far a device's clock may be ahead of the round's end."
    )
    readings_group: str = Field(
        r"^([^/]+)/",
        description="A regular expression whose group 1, in a device's name, is its group.",
    )
    readings_trusted_types: list[str] = Field(
        [],
        description="Types that a skops model may have besides those of scikit-learn and NumPy, "
        "as a JSON list.",
    )
    readings_shard_mib: float = Field(
        4, gt=0, le=64, description="About how many MiB of readings a shard has."
    )
    readings_segments: int = Field(
        1,
        ge=1,
        le=1000,
        description="How many segments a round has, each with a part of the devices. Each reads "
        "all files, so more than one is for several splitters.",
    )
    readings_csv: bool = Field(True, description="Whether predictions are also written as CSV.")
    readings_rejected: int = Field(
        1000, ge=0, description="How many malformed readings of a round are kept to look at."
    )
    readings_models_mib: int = Field(
        512, ge=1, description="Memory for the models that a scorer keeps, in MiB."
    )
    readings_webhook: SecretStr | None = Field(
        None, description="A URL to which the summary of each round with anomalies is posted."
    )
    readings_webhook_seconds: float = Field(
        60, ge=0, description="How long a post is tried again before the attempt fails."
    )
    reader_mib: int = Field(
        2048, ge=512, description="Memory that reading a file of readings may use."
    )
    reader_seconds: float = Field(
        60, gt=0, description="How long reading a file may make no progress."
    )
    reader_total_seconds: float = Field(
        1800, gt=0, description="How long reading a file of readings may take."
    )
