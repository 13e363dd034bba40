"""The README's tables of settings: whole, and as the code has them."""

from deploy.settings_table import GROUPS, README, renewed
from shared.settings import Settings


def all_below(settings: type[Settings]) -> set[type[Settings]]:
    below = settings.__subclasses__()
    return {settings}.union(*map(all_below, below))


def test_the_readme_has_the_settings_of_today() -> None:
    readme = README.read_text()
    assert renewed(readme) == readme, "`make settings` renews them"


def test_no_service_has_settings_of_which_the_readme_is_silent() -> None:
    told = {settings for group in GROUPS.values() for settings in group}
    ours = {s for s in all_below(Settings) if s.__module__.startswith(("services.", "shared."))}
    assert told == ours


def test_every_setting_has_a_sentence() -> None:
    for group in GROUPS.values():
        for settings in group:
            for name, field in settings.model_fields.items():
                assert (field.description or "").endswith("."), f"{settings.__name__}.{name}"
