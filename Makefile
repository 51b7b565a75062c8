# make run   - set-up, then the main job: every scenario, one report   (ARGS="go-scratch --quick" goes to dbench run)
# make test  - the same set-up, then every test of the project
# make setup - an engine and the base images, nothing else
.PHONY: run test setup

run: setup
	cargo build --release --locked
	target/release/dbench run $(ARGS)

test: setup
	scripts/test

setup:
	scripts/setup
