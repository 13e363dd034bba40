from services.stitcher.service import build
from services.stitcher.settings import StitcherSettings
from shared.runtime.serve import serve

if __name__ == "__main__":
    serve("stitcher", StitcherSettings, build)
