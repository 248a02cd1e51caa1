# The project's commands. `make demo` and `make test` are all that a newcomer needs; every command installs what it lacks.
SHELL := /bin/bash
export SWIFT_BACKTRACE ?= enable=no

# $(call needs,PART...): what scripts/setup.sh installs for these parts.
needs = @for part in $(1); do scripts/setup.sh $$part || exit 1; done

.PHONY: demo test build setup lint format docs api-check man clean
demo:
	$(call needs,demo)
	@scripts/demo.sh

test:
	$(call needs,test languages cross images docker vm packages)
	@scripts/test.sh

build:
	$(call needs,test)
	swift build --enable-all-traits --build-tests

setup:
	$(call needs,test)

lint:
	$(call needs,lint)
	@scripts/lint.sh

format:
	@scripts/lint.sh --fix

docs:
	$(call needs,demo)
	@scripts/docs.sh

# What breaks code that uses the last version; REF=COMMIT compares with another one.
api-check:
	$(call needs,demo)
	@scripts/api.sh $(REF)

# The manual pages, in .build/man.
man:
	$(call needs,demo)
	@scripts/man.sh

# The suites of `make test`, one target each. FILTER=NAME chooses among the tests of alone, local, docker, user, subuid and
# vm; WORLDS=root,user chooses among the vm's.
.PHONY: test-c test-cross test-sanitizers test-docs test-alone test-local test-languages test-docker test-user test-subuid test-container \
	test-vm test-worlds test-examples test-packages c-tests sanitizers examples
export FILTER WORLDS
suite = @scripts/test.sh $(@:test-%=%)

test-c test-sanitizers test-docs test-alone test-local test-examples:
	$(call needs,test)
	$(suite)

test-cross:
	$(call needs,test cross)
	$(suite)

test-languages:
	$(call needs,test languages)
	$(suite)

test-docker:
	$(call needs,test docker images)
	$(suite)

test-user test-subuid:
	$(call needs,test images)
	$(suite)

test-packages:
	$(call needs,test images packages)
	$(suite)

test-container:
	$(call needs,test engine images)
	$(suite)

test-vm:
	$(call needs,test vm)
	$(suite)

# Every world, and that docs/matrix.md says what they give.
test-worlds:
	$(call needs,test engine images vm)
	@scripts/test.sh user subuid container vm matrix

c-tests: test-c
sanitizers: test-sanitizers
examples: test-examples

.PHONY: bench bench-docker calibrate soak images container
bench:
	$(call needs,bench)
	@scripts/bench.sh

# The Docker backend against the local one and `docker exec`, on a private engine or that of DOCKER_HOST.
bench-docker:
	$(call needs,bench engine)
	@scripts/bench.sh docker

# How far the figures of this host's runs are from what programs know themselves: error and spread.
calibrate:
	$(call needs,test)
	swift build --enable-all-traits --build-tests
	@set -o pipefail; CONFORMANCE_BACKENDS=local swift test --skip-build --enable-all-traits --filter FidelityTests 2>&1 \
		| grep -vE '^(◇|✔ (Test "|Suite))|^\['

soak:
	$(call needs,test docker images)
	FIDELITY_RUNS=1000 CONFORMANCE_BACKENDS=local swift test --enable-all-traits --filter FidelityTests
	SOAK=100000 swift test --enable-all-traits --filter RunnersTests
	ALONE=1 WATCHDOG_ROUNDS=500 swift test --skip-build --enable-all-traits --filter SandboxTests.WatchdogTests
	@scripts/engines/docker-tests.sh -- env WATCHDOG_ROUNDS=500 swift test --skip-build --enable-all-traits --filter DisturbanceTests

# The command as a static binary, and the C core as a library, in .build-packages. `make install` puts them below PREFIX
# (/usr/local; DESTDIR, LIBDIR and INCLUDEDIR as usual), with IS_BUILT=1 as they are: make release && sudo make install
# IS_BUILT=1. `make deb` packs them for Debian.
.PHONY: release install uninstall deb
release:
	$(call needs,packages)
	@scripts/packages/build.sh

install: $(if $(IS_BUILT),,release)
	@scripts/packages/install.sh install

uninstall:
	@scripts/packages/install.sh uninstall

deb: $(if $(IS_BUILT),,release)
	@scripts/packages/deb.sh

# images/*.tar, root file systems of the runners, from Debian's packages with no registry; images/*.docker.tar for `docker load`.
images:
	$(call needs,images)
	@scripts/images.sh --docker

# The command inside a plain container of a private Docker Engine, as root and as another user.
container:
	$(call needs,test engine images)
	@scripts/worlds/container.sh

clean:
	@scripts/engines/engine.sh stop
	@scripts/engines/docker-tests.sh stop
	rm -rf .build .build-demo .build-api .build-c .build-sanitizers .build-static .build-packages .build-images .build-victims .build-vm .build-man images/*.tar Benchmarks/.build Examples/*/.build Examples/*/.build-c Tests/*/.build-c Sources/CIsolate/library/.build-c docs/api
