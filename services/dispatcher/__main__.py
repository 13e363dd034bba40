from services.dispatcher.service import build
from shared.clusters.table import worker_settings
from shared.runtime.serve import serve

if __name__ == "__main__":
    serve("dispatcher", worker_settings, build)
