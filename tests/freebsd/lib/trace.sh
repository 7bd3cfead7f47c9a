# What a traced program wrote to the kernel's network configuration.

# written TRACE: one line for each call that changes something.
written() {
	kdump -f "$1" -t ci | awk -f "$HERE/lib/written.awk"
}
