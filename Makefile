# The project's commands. `make demo` and `make test` are all that a newcomer needs; both install what is missing.
.PHONY: demo test build lint format c-tests examples bench soak docs clean setup images container test-vm cross test-container test-docker bench-docker sanitizers
SHELL := /bin/bash
export SWIFT_BACKTRACE ?= enable=no

demo:
	@scripts/setup.sh demo
	@scripts/demo.sh

test:
	@for part in test cross images docker vm; do scripts/setup.sh $$part; done
	@scripts/test.sh

# The conformance tests under QEMU on a kernel with pure cgroup v2; WORLDS=root,user FILTER=NAME choose.
test-vm:
	@scripts/setup.sh test
	@scripts/setup.sh vm
	@scripts/vm/test-vm.sh $(WORLDS) $(FILTER)

setup:
	@scripts/setup.sh test

build:
	swift build --build-tests

lint:
	@scripts/setup.sh lint
	@scripts/lint.sh

format:
	@scripts/lint.sh --fix

# The C core alone, under AddressSanitizer and UndefinedBehaviorSanitizer.
c-tests:
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory -C Tests/CIsolateTests test

# Our own Swift tests, a part of them, built with ThreadSanitizer and with AddressSanitizer.
sanitizers:
	@scripts/setup.sh test
	@scripts/sanitizers.sh thread address

# The examples that a user would start from: C judge, local-only package, the command copied alone.
examples:
	@scripts/setup.sh test
	@scripts/examples.sh

bench:
	@scripts/setup.sh bench
	@scripts/bench.sh

# The Docker backend against the local one and `docker exec`, on a private engine or that of DOCKER_HOST.
bench-docker:
	@scripts/setup.sh bench
	@scripts/setup.sh engine
	@scripts/bench.sh docker

soak:
	@scripts/setup.sh test
	SOAK=100000 swift test --filter RunnersTests
	ALONE=1 WATCHDOG_ROUNDS=500 swift test --skip-build --filter SandboxTests.WatchdogTests
	@scripts/setup.sh docker
	@scripts/setup.sh images
	@scripts/engines/docker-tests.sh -- env WATCHDOG_ROUNDS=500 swift test --skip-build --filter DisturbanceTests

# images/*.tar, root file systems of the runners, from Debian's packages with no registry; images/*.docker.tar for `docker load`.
images:
	@scripts/setup.sh images
	@scripts/images.sh --docker

# The command inside a plain container of a private Docker Engine, as root and as another user.
container:
	@scripts/setup.sh test
	@scripts/setup.sh engine
	@scripts/setup.sh images
	@scripts/worlds/container.sh

# What level minimal holds there, and that the mends of `sandbox doctor` work.
test-container:
	@scripts/setup.sh test
	@scripts/setup.sh engine
	@scripts/setup.sh images
	@scripts/worlds/container.sh test

# The Docker backend against a private engine, Podman and a registry; FILTER=NAME chooses.
test-docker:
	@scripts/setup.sh test
	@scripts/setup.sh docker
	@scripts/setup.sh images
	@swift build --build-tests
	@scripts/engines/docker-tests.sh -- swift test --skip-build --filter '$(or $(FILTER),DockerTests|ConformanceTests)'

docs:
	@scripts/docs.sh

clean:
	@scripts/engines/engine.sh stop
	@scripts/engines/docker-tests.sh stop
	rm -rf .build .build-c .build-sanitizers .build-static .build-images .build-victims .build-vm images/*.tar Benchmarks/.build Examples/*/.build Examples/*/.build-c Tests/*/.build-c docs/api
