# Works with BSD make and GNU make.

CARGO ?= cargo

# Where `install` puts things. The programs look for their configuration below /usr/local, whatever the PREFIX.
DESTDIR ?=
PREFIX ?= /usr/local
MANDIR ?= $(PREFIX)/share/man
# A folder with programs that are built already, as by a cross-build. Without it, `install` builds them.
BUILT ?=

# The services that a start gate is installed for. It is open until carpd is enabled and manages them.
GATED = defguard_gateway

build:
	$(CARGO) build --release --locked

# Everything that has to hold before a change lands, in under 15 minutes on two cores.
test: prepare
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items
	sh tests/ci/cross.sh check
	$(CARGO) build --release --locked
	./target/release/carpctl lab --report target/carpd-lab-report.html
	eval "$$(sh tests/ci/cross.sh env)"; $(CARGO) nextest run --locked
	sh tests/ci/web.sh
	sh tests/opnsense/run

# What takes longer: benchmarks, the fuzzer, another processor, the report in a real browser, licences and advisories of all
# dependencies.
long: test bench fuzz deny
	sh tests/ci/cross.sh lint aarch64-unknown-freebsd
	sh tests/ci/browser.sh
	sh tests/ci/web.sh browser
	sh tests/ci/postgresql.sh
	$(MAKE) advisories

bench:
	$(CARGO) bench --locked

# Each target for FUZZ_SECONDS; or some of them for longer: make fuzz FUZZ_TARGETS="nvlist http" FUZZ_SECONDS=600
FUZZ_SECONDS ?= 20
FUZZ_TARGETS ?=

fuzz:
	sh tests/ci/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_TARGETS)

# Writes what the fuzzer begins with, from the recordings and the examples in the tree.
fuzz-seeds:
	$(CARGO) test --locked --lib -- --ignored fuzzing::seeds

# What the tree itself can answer; needs no network once cargo-deny is there.
deny: cargo-deny
	$(CARGO) deny --locked check bans licenses sources

# Fetches the database of advisories.
advisories: cargo-deny
	$(CARGO) deny --locked check advisories

cargo-deny:
	@command -v cargo-deny >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny

# On a FreeBSD 14 or 15 host, as root, with the programs installed or named by CARPD and CARPCTL; see tests/freebsd/README.md.
test-freebsd:
	sh tests/freebsd/run

bench-freebsd:
	sh tests/freebsd/bench/run

prepare:
	@sh tests/ci/prepare.sh

install:
	@if [ -z "$(BUILT)" ]; then $(MAKE) build; fi
	install -d -m 0755 "$(DESTDIR)$(PREFIX)/sbin" "$(DESTDIR)$(PREFIX)/etc/rc.d" \
		"$(DESTDIR)$(PREFIX)/libexec/carpd" "$(DESTDIR)$(PREFIX)/share/examples/carpd" "$(DESTDIR)$(MANDIR)/man5" "$(DESTDIR)$(MANDIR)/man8"
	for program in carpd carpctl; do \
		built="$(BUILT)"; \
		install -m 0555 "$${built:-target/release}/$$program" "$(DESTDIR)$(PREFIX)/sbin/$$program" || exit 1; \
	done
	for script in rc.d/*; do \
		sed 's|/usr/local/sbin|$(PREFIX)/sbin|g' "$$script" > "$(DESTDIR)$(PREFIX)/etc/$$script" && \
		chmod 0555 "$(DESTDIR)$(PREFIX)/etc/$$script" || exit 1; \
	done
	install -m 0555 packaging/libexec/* "$(DESTDIR)$(PREFIX)/libexec/carpd"
	for service in $(GATED); do \
		install -d -m 0755 "$(DESTDIR)$(PREFIX)/etc/rc.conf.d/$$service" && \
		sed 's|/usr/local/sbin|$(PREFIX)/sbin|g' packaging/rc.conf.d/gate \
			> "$(DESTDIR)$(PREFIX)/etc/rc.conf.d/$$service/carpd" && \
		chmod 0444 "$(DESTDIR)$(PREFIX)/etc/rc.conf.d/$$service/carpd" || exit 1; \
	done
	sed 's|/usr/local/sbin|$(PREFIX)/sbin|g' devd/carpd.conf > "$(DESTDIR)$(PREFIX)/share/examples/carpd/devd.conf"
	chmod 0444 "$(DESTDIR)$(PREFIX)/share/examples/carpd/devd.conf"
	install -m 0444 man/*.5 "$(DESTDIR)$(MANDIR)/man5"
	install -m 0444 man/*.8 "$(DESTDIR)$(MANDIR)/man8"
	test -d "$(DESTDIR)$(PREFIX)/etc/carpd" || install -d -m 0750 "$(DESTDIR)$(PREFIX)/etc/carpd"
	for pair in examples/*/; do \
		install -d -m 0755 "$(DESTDIR)$(PREFIX)/share/examples/carpd/$$(basename "$$pair")" && \
		install -m 0444 "$$pair"*.toml "$(DESTDIR)$(PREFIX)/share/examples/carpd/$$(basename "$$pair")" || exit 1; \
	done
	install -m 0640 examples/carpd.toml.sample "$(DESTDIR)$(PREFIX)/etc/carpd/carpd.toml.sample"

# A package for pkg(8) on FreeBSD 14 and newer: target/package/carpd-VERSION.pkg.
package:
	sh packaging/package.sh "$(BUILT)"

# A port, with its distfile: target/port.
port:
	sh packaging/port.sh

clean:
	$(CARGO) clean

.PHONY: build test long bench fuzz fuzz-seeds deny advisories cargo-deny prepare install package port \
	test-freebsd bench-freebsd clean
