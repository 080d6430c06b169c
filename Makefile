# Each target works alone on a fresh machine with Python 3.10 or newer (3.11 is tested): .venv is made when needed.
PYTHON ?= python3
VENV := .venv
DEMO_READY := $(VENV)/.demo-ready
READY := $(VENV)/.ready
CHROMIUM ?= /usr/bin/chromium
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)

# Tests and results use real data where it is: TFPOSE_DATA, or the folder that development machines have.
REAL_DATA := $(or $(TFPOSE_DATA),$(wildcard ../shared/data))

.PHONY: demo test test-slow abuse lint bench serving-check web test-web test-wheel docs results results-quick readme clean

demo: $(DEMO_READY)
	$(VENV)/bin/tfpose demo --out demo

test: lint
	TFPOSE_DATA="$(REAL_DATA)" $(VENV)/bin/python -m pytest -n 2 --dist loadfile -m "not slow" --durations=10

# The tests that take half a minute and more each.
test-slow: $(READY)
	TFPOSE_DATA="$(REAL_DATA)" $(VENV)/bin/python -m pytest -n 2 --dist loadfile -m slow

# The attacks of tests/abuse, five times as long, counted in results/abuse.json; about a quarter of an hour.
abuse: $(READY)
	TFPOSE_ABUSE=5 TFPOSE_ABUSE_OUT=results/abuse.json $(VENV)/bin/python -m pytest tests/abuse

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

# Speed of every form that tfpose ships, beside what one would otherwise write, into results/speed.md; 12 to 40 minutes
# with nothing beside it. Then the network on a CUDA GPU, where there is one.
bench: $(READY)
	TFPOSE_DATA="$(REAL_DATA)" $(VENV)/bin/python benchmarks/speed.py --out results/speed.json
	$(VENV)/bin/python benchmarks/gpu.py --out results/speed_gpu.json

# The preset in the official server, called by the client's tests: its SavedModel, then its model.tflite. Needs a Docker
# engine with Compose.
serving-check: $(READY)
	@docker info > /dev/null 2>&1 && docker compose version > /dev/null 2>&1 \
	  || { echo "serving-check: no Docker engine with Compose here; nothing was checked" >&2; exit 1; }
	rm -rf serving-check
	$(VENV)/bin/tfpose export --model sebirenet_cmu --format serving --out serving-check/plain --data synthetic
	trap 'docker compose -f serving-check/plain/compose.yaml down' EXIT; \
	docker compose -f serving-check/plain/compose.yaml up --wait \
	  && TFPOSE_SERVING=grpc://localhost:8500,http://localhost:8501 TFPOSE_SERVING_PACKAGE=serving-check/plain \
	  $(VENV)/bin/python -m pytest tests/export/test_serving_client.py
	$(VENV)/bin/tfpose export --model sebirenet_cmu --format serving --lite --out serving-check/lite --data synthetic
	trap 'docker compose -f serving-check/lite/compose.yaml down' EXIT; \
	docker compose -f serving-check/lite/compose.yaml up --wait \
	  && TFPOSE_SERVING_LITE=grpc://localhost:8500 TFPOSE_SERVING_PACKAGE=serving-check/lite \
	  $(VENV)/bin/python -m pytest tests/export/test_serving_lite.py

# The pages with the models in them: web/dist, for any static host. Needs Node 20.19 or newer.
web: web/node_modules/.package-lock.json web/public
	cd web && npm run build

web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	touch $@

web/public: web/assets.py $(wildcard export/*.py tfpose/*.py tfpose/*/*.py tfpose/skeletons/*.json \
  tfpose/presets/sebirenet_cmu/* tfpose/presets/sebirenet_cmu_clips/*) $(READY)
	rm -rf $@
	$(VENV)/bin/python web/assets.py --out $@

# The pages in a real browser, without a network; draws results/figures/web.png and docs/pictures/live.png.
test-web: web $(CHROMIUM)
	cd web && PYTHON=../$(VENV)/bin/python CHROMIUM=$(CHROMIUM) npm test

# The wheel, built, and used in clean environments outside of the repository.
test-wheel: $(READY)
	$(VENV)/bin/python tests/packaging/check_wheel.py

/usr/bin/chromium:
	$(SUDO) apt-get update
	$(SUDO) apt-get install -y --no-install-recommends chromium

# Everything under results/, from data to tables: hours, see reproduction/run.sh. A stopped run goes on where it stopped.
results: $(READY)
	TFPOSE_DATA="$(REAL_DATA)" VENV=$(VENV) bash reproduction/run.sh
	$(MAKE) readme

# The same way with a twentieth of the training, into results-quick/.
results-quick: $(READY)
	TFPOSE_DATA="$(REAL_DATA)" VENV=$(VENV) SHORTEN=20 bash reproduction/run.sh

readme: $(READY)
	$(VENV)/bin/python -m reproduction tables results docs/results.md

# The documentation as a site, into site/.
docs: $(READY)
	$(VENV)/bin/python -m pip install --quiet --no-deps -r docs/requirements.txt
	$(VENV)/bin/mkdocs build --strict --site-dir site

# What the demo needs is two thirds of the packages. Python compiles what it imports; to compile all takes longer.
$(DEMO_READY): requirements.txt setup.py pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --no-compile --no-deps -r requirements.txt
	$(VENV)/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

$(READY): $(DEMO_READY) requirements-test.txt
	$(VENV)/bin/python -m pip install --quiet --no-compile --no-deps -r requirements-test.txt
	touch $@

clean:
	rm -rf $(VENV) site demo serving-check runs runs-quick results-quick web/node_modules web/public web/dist
