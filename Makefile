# `make run` paints a video, `make test` runs all tests; both set up what they need first.
# `make up` starts everything in containers; it needs only Docker and Python.
PYTHON ?= python3
VIDEO ?= deploy/sample/bigbuckbunny.mp4
STYLE ?= great-wave
OUTPUT ?= out
BIN = .venv/bin

.PHONY: run run-readings test test-fast lint setup locks pins settings watch keys images image up down connections \
        publish test-containers deploy roll-back destroy train bench scale kills crowd soak sheet gallery strengths \
        screens clean

run: setup
	@$(BIN)/impasto run "$(VIDEO)" --style "$(STYLE)" --output "$(OUTPUT)"

# DEVICES=100 simulates fewer.
run-readings: setup
	@DEVICES="$(or $(DEVICES),1000)" OUTPUT="$(OUTPUT)" $(BIN)/python -m deploy.run_readings

# How many tests run side by side: more than there are cores, as tests also wait.
# tests/support/side_by_side.py names those that run one after the other.
WORKERS ?= 4
# Bytecode is written whatever the environment says, or each of a thousand processes would compile
# its modules again.
PYTEST = PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n $(WORKERS) --dist loadscope

test: lint
	@$(PYTEST) --durations 25

# Without storage, without stacks, and without what computes for seconds.
test-fast: setup
	@$(PYTEST) tests/unit -m "not slow"

lint: setup
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

setup:
	@$(PYTHON) deploy/setup.py

# Lock files have a hash for every package, and no index.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
       --generate-hashes --no-emit-index-url --no-header
SERVICES = trigger splitter dispatcher batchai scorer stitcher console web
# Extras of the dispatcher and the console for these kinds of clusters.
CLUSTERS = azureml ray
# An extra of every service.
EXPORTERS = azuremonitor

locks: setup
	@$(LOCK) pyproject.toml --extra dev --output-file deploy/locks/dev.txt
	@for extra in $(SERVICES) $(CLUSTERS) $(EXPORTERS); do echo "locks: $$extra"; \
	  $(LOCK) pyproject.toml --extra $$extra --constraint deploy/locks/dev.txt \
	    --output-file deploy/locks/$$extra.txt || exit 1; done
	@echo hatchling | $(LOCK) - --constraint deploy/locks/dev.txt \
	  --output-file deploy/locks/build.txt

# Renew the digests of base images.
BASES = python:3.11-slim-bookworm node:20-bookworm-slim

pins:
	@for base in $(BASES); do \
	  digest=$$(docker buildx imagetools inspect $$base --format '{{.Manifest.Digest}}') || exit 1; \
	  sed -i.before "s|$$base@sha256:[0-9a-f]*|$$base@$$digest|" services/*/Dockerfile deploy/*/Dockerfile; \
	done; rm services/*/Dockerfile.before deploy/*/Dockerfile.before

# Renew the tables in docs/settings.md.
settings: setup
	@$(BIN)/python -m deploy.settings_table

# Renew Prometheus's rules and Grafana's dashboard, from deploy/alerts.json.
watch: setup
	@$(BIN)/python -m deploy.watch

# Images are named IMAGES/SERVICE:TAG, by default impasto/SERVICE:dev.
COMPOSE = docker compose
EVERYTHING = $(COMPOSE) --profile '*'
KEYS = $(PYTHON) deploy/keys.py .env
export REVISION = $(shell git rev-parse HEAD 2>/dev/null)

# Remove images that were replaced and that no container uses.
PRUNE = docker image prune --force --filter label=org.opencontainers.image.vendor=impasto >/dev/null

# Every command of Compose reads this file.
keys:
	@$(KEYS) >/dev/null

images: keys
	@$(EVERYTHING) build
	@$(PRUNE)

image: keys
	@$(EVERYTHING) build $(SERVICE)
	@$(PRUNE)

publish: images
	@$(EVERYTHING) push

up: images
	@$(COMPOSE) up --detach --wait || \
	  { echo "make: if a port is in use, choose another one in .env" >&2; exit 1; }
	@$(PRUNE)
	@$(KEYS)

# Also removes the volume of stitchers' temporary files.
down: keys
	@$(EVERYTHING) down
	@docker volume rm --force $$($(COMPOSE) config | sed -n 's/^name: //p')_scratch >/dev/null

# `eval "$$(make connections)"` exports what `impasto` and other tools need to reach the stack of `up`.
connections:
	@$(KEYS)

# To Azure: everything, or SERVICE=splitter alone. YES=1 doesn't ask; LOCATION is for a new one.
AZURE = $(BIN)/python -m deploy.azure
deploy: setup
	@$(AZURE) deploy "$(ENV)" --service "$(SERVICE)" --location "$(LOCATION)" $(if $(YES),--yes)

# One service, to the image that it ran before, or to that of a commit: TO=v1.2.
roll-back: setup
	@$(AZURE) roll-back "$(ENV)" --service "$(SERVICE)" --to "$(TO)"

destroy: setup
	@$(AZURE) destroy "$(ENV)"

# The first run builds all images; torch alone has gigabytes.
test-containers: setup
	@$(BIN)/pytest tests/containers --timeout 1800

# What training and its benchmarks need besides the repository: a folder of photos, VGG16's weights
# (torchvision downloads them if unset), and a film beside the sample.
PHOTOS ?= ../shared/media/photos
VGG ?= $(wildcard ../shared/weights/vgg16-features.safetensors)
CLIP ?= $(wildcard ../shared/media/clips/carphone_pristine.mp4)
PAINTINGS ?= workloads/video/training/paintings
export PHOTOS VGG CLIP
# Train from the shipped weights on, into .training. An interrupted training continues.
train: setup
	@$(BIN)/impasto train $(PAINTINGS)/*.jpg --photos "$(PHOTOS)" --clips deploy/sample/bigbuckbunny.mp4 \
	  $(if $(VGG),--vgg "$(VGG)") --start workloads/video/weights --out .training

# Run all benchmarks and write benchmarks/README.md: half an hour on two idle cores.
bench: setup
	@$(BIN)/python -m benchmarks

scale: setup
	@$(BIN)/python -m benchmarks.scale

kills: setup
	@$(BIN)/python -m benchmarks.kills

# VIDEOS=200 drops fewer than a thousand.
crowd: setup
	@$(BIN)/python -m benchmarks.crowd

# MINUTES=60 makes it an hour.
MINUTES ?= 4
soak: setup
	@MINUTES=$(MINUTES) $(BIN)/python -m benchmarks.soak

sheet: setup
	@$(BIN)/python -m benchmarks.sheet

# Three photos in each of the shipped styles, for the web page.
gallery: setup
	@$(BIN)/python -m benchmarks.gallery

# What half of a style's strength looks like, for docs/styles.md.
strengths: setup
	@$(BIN)/python -m benchmarks.strengths

# Pictures of the web page, for the README; needs Chromium.
screens: setup
	@$(BIN)/python -m benchmarks.screens

clean:
	rm -rf .venv .impasto deploy/azurite/node_modules
