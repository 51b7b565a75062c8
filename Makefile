# make run   - set-up, then the main job: every scenario, one report   (ARGS="go-scratch --quick" goes to dbench run)
# make test  - the same set-up, then every test of the project
# make setup - an engine and the base images, nothing else
# DBENCH=path names a dbench that is there already; it is used as it is.
DBENCH ?= target/release/dbench
.PHONY: run test setup compiled target/release/dbench

run: setup $(DBENCH)
	$(DBENCH) run $(ARGS)

target/release/dbench:
	cargo build --release --locked

# Set-up mostly waits for packages, and the compiler for nobody: both at once.
test:
	$(MAKE) --jobs=2 setup compiled
	scripts/test

compiled:
	cargo test --locked --no-run

setup:
	scripts/setup
