"""Which tests run one after the other when tests run side by side, as `make test` runs them.

Each test of other files may run at any time, in any of pytest-xdist's processes.
"""

from xdist.scheduler import LoadScopeScheduling

#: By file, what its tests share: a Ray cluster, a stack, a folder, or all cores.
GROUPS = {
    "tests/e2e/test_backends.py": "ray",
    "tests/integration/test_rayjobs.py": "ray",
    "tests/e2e/test_learning.py": "web",  # both learn a style, which takes all cores
    "tests/e2e/test_readme.py": "readme",
    "tests/e2e/test_roles.py": "roles",
    "tests/e2e/test_up.py": "up",
    "tests/integration/test_grants_by_login.py": "https",
    "tests/unit/test_painter.py": "painter",
}


#: The same for whole folders, which share one stack and one browser.
FOLDERS = {"tests/e2e/web": "web"}


class InGroups(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return GROUPS.get(file) or FOLDERS.get(file.rpartition("/")[0]) or nodeid
