# Works with BSD make and GNU make.

CARGO ?= cargo

build:
	$(CARGO) build --release --locked

# Everything that has to hold before a change lands, in under 15 minutes on two cores.
test: prepare
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items
	$(CARGO) build --release --locked
	./target/release/carpctl lab --report target/carpd-lab-report.html
	$(CARGO) nextest run --locked

# What takes longer: benchmarks, the report in a real browser, licences and advisories of all dependencies.
long: test bench deny
	sh tests/ci/browser.sh

bench:
	$(CARGO) bench --locked

deny:
	command -v cargo-deny >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check

prepare:
	@sh tests/ci/prepare.sh

clean:
	$(CARGO) clean

.PHONY: build test long bench deny prepare clean
