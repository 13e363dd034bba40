from services.splitter.service import build
from services.splitter.settings import SplitterSettings
from shared.runtime.serve import serve

if __name__ == "__main__":
    serve("splitter", SplitterSettings, build)
