# The front door. Everything is built by Meson; the work is done by the scripts in tools/.
BUILD = build
PREFIX = /usr/local
FUZZ_SECONDS = 60

.PHONY: help build run test images test-docker test-cluster bench lint sanitize tsan fuzz format install clean
.NOTPARALLEL:

help: ## This list
	@echo "askcsv: ask questions about tables, and see where each answer came from"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

build: packages-build ## Compile the programs: build/askcsv and build/askcsv-runner
	@tools/build $(BUILD)

run: build ## Build, ask three questions, then serve on 127.0.0.1:8080
	@tools/demo $(BUILD)/askcsv

test: packages-test build ## Run every test
	@tools/install-packages browser || echo "Without Chromium the tests of the page are skipped"
	@tools/run-tests $(BUILD)

images: build ## Make the container images build/images/askcsv.tar and askcsv-runner.tar; DATA=FOLDER: with datasets
	@tools/images $(BUILD) $(BUILD)/images $(if $(DATA),--data $(DATA)) $(if $(TAG),--tag $(TAG))

test-docker: packages-test packages-docker build ## The tests that want Docker: at a dockerd of their own
	@tools/test-docker $(BUILD)

test-cluster: packages-test build ## The tests that want Kubernetes: in a cluster of their own
	@tools/test-cluster $(BUILD)

bench: build ## Measure everything against DuckDB in process and bare (about ten minutes)
	@bench/run $(BUILD)

lint: packages-lint packages-build ## Check layout, habits, layers, scripts
	@tools/lint

sanitize: packages-lint packages-build packages-test ## The tests under ASan and UBSan
	@tools/sanitize

tsan: packages-lint packages-build packages-test ## The server's tests under ThreadSanitizer
	@tools/tsan

fuzz: packages-lint packages-build ## Each fuzz target for FUZZ_SECONDS (60)
	@tools/fuzz $(FUZZ_SECONDS)

format: packages-lint ## Lay out the C sources anew
	@echo "Formatting the C sources"
	@git ls-files -z --cached --others --exclude-standard '*.c' '*.h' | xargs -0 clang-format -i

install: build ## Install under PREFIX (/usr/local); DESTDIR is put before it
	@DESTDIR=$(DESTDIR) tools/install $(BUILD) $(PREFIX)

clean: ## Remove what was built; datasets, capsules and the cached DuckDB stay
	@echo "Removing the build folders"
	@rm -rf $(BUILD) build-gcc build-clang build-sanitize build-tsan build-fuzz bench/results

packages-%:
	@tools/install-packages $*
