# Works with BSD make and GNU make.

CARGO ?= cargo

# Where `install` puts things. The programs look for their configuration below /usr/local, whatever the PREFIX.
DESTDIR ?=
PREFIX ?= /usr/local
MANDIR ?= $(PREFIX)/share/man
# A folder with programs that are built already, as by a cross-build. Without it, `install` builds them.
BUILT ?=

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

# On a FreeBSD 14 or 15 host, as root, with the programs installed or named by CARPD and CARPCTL; see tests/freebsd/README.md.
test-freebsd:
	sh tests/freebsd/run

bench-freebsd:
	sh tests/freebsd/bench/run

deny:
	command -v cargo-deny >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check

prepare:
	@sh tests/ci/prepare.sh

install:
	@if [ -z "$(BUILT)" ]; then $(MAKE) build; fi
	install -d -m 0755 "$(DESTDIR)$(PREFIX)/sbin" "$(DESTDIR)$(PREFIX)/etc/rc.d" \
		"$(DESTDIR)$(MANDIR)/man5" "$(DESTDIR)$(MANDIR)/man8"
	for program in carpd carpctl; do \
		built="$(BUILT)"; \
		install -m 0555 "$${built:-target/release}/$$program" "$(DESTDIR)$(PREFIX)/sbin/$$program" || exit 1; \
	done
	for script in rc.d/*; do \
		sed 's|/usr/local/sbin|$(PREFIX)/sbin|g' "$$script" > "$(DESTDIR)$(PREFIX)/etc/$$script" && \
		chmod 0555 "$(DESTDIR)$(PREFIX)/etc/$$script" || exit 1; \
	done
	install -m 0444 man/*.5 "$(DESTDIR)$(MANDIR)/man5"
	install -m 0444 man/*.8 "$(DESTDIR)$(MANDIR)/man8"
	test -d "$(DESTDIR)$(PREFIX)/etc/carpd" || install -d -m 0750 "$(DESTDIR)$(PREFIX)/etc/carpd"
	install -m 0640 examples/carpd.toml.sample "$(DESTDIR)$(PREFIX)/etc/carpd/carpd.toml.sample"

clean:
	$(CARGO) clean

.PHONY: build test long bench test-freebsd bench-freebsd deny prepare install clean
