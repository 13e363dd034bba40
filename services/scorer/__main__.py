from services.scorer.service import build
from services.scorer.settings import ScorerSettings
from shared.runtime.serve import serve

if __name__ == "__main__":
    serve("scorer", ScorerSettings, build, own_process=True)
