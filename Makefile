# make run   - set-up, then the main job: every scenario, one report   (ARGS="go-scratch --quick" goes to dbench run)
# make test  - the same set-up, then every test of the project
# make setup - an engine and the base images, nothing else
# DBENCH=path names a dbench that is there already; it is used as it is.
DBENCH ?= target/release/dbench
.PHONY: run test setup target/release/dbench

run: setup $(DBENCH)
	$(DBENCH) run $(ARGS)

target/release/dbench:
	cargo build --release --locked

test: setup
	scripts/test

setup:
	scripts/setup
