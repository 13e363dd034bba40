from services.trigger.service import build
from shared.runtime.serve import serve
from shared.settings import Settings

if __name__ == "__main__":
    serve("trigger", Settings, build)
