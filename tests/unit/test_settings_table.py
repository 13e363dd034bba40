"""The tables of settings are complete and match the code."""

from deploy.settings_table import GROUPS, PAGE, renewed
from shared.settings import Settings


def all_below(settings: type[Settings]) -> set[type[Settings]]:
    below = settings.__subclasses__()
    return {settings}.union(*map(all_below, below))


def test_the_page_matches_the_code() -> None:
    page = PAGE.read_text()
    assert renewed(page) == page, "`make settings` renews it"


def test_the_page_has_every_setting_class() -> None:
    listed = {settings for group in GROUPS.values() for settings in group}
    defined = {
        s
        for s in all_below(Settings)
        if s.__module__.startswith(("services.", "shared.", "workloads."))
    }
    assert listed == defined


def test_every_setting_has_a_sentence() -> None:
    for group in GROUPS.values():
        for settings in group:
            for name, field in settings.model_fields.items():
                assert (field.description or "").endswith("."), f"{settings.__name__}.{name}"
