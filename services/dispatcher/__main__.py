from services.dispatcher.service import build
from services.dispatcher.settings import DispatcherSettings
from shared.runtime.serve import serve

if __name__ == "__main__":
    serve("dispatcher", DispatcherSettings, build)
