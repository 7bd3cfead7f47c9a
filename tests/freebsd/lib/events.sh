# The transitions of all nodes in their order, as devd(8) of the host tells them.

need_devd() {
	[ -S /var/run/devd.pipe ] || skip "the host runs no devd"
	pgrep -q -x devd || skip "the host runs no devd"
}

# events_start: into $CASE/devd. Returns when the recorder hears something, or a transition that must not be would be missed.
events_start() {
	need_devd
	nc -U /var/run/devd.pipe < /dev/null > "$CASE/devd" &
	remember_process $!
	wait_for 20 "a word of devd" events_heard
}

# An address comes and goes on the switch, which no other case is about.
events_heard() {
	jexec "$P" ifconfig lo0 inet 127.0.0.9/32 alias
	jexec "$P" ifconfig lo0 inet 127.0.0.9/32 -alias
	grep -q 'ADDR_' "$CASE/devd"
}

# events NODE SEGMENT VHID: the states it has gone through.
events() {
	sed -n "s/^!system=CARP subsystem=$3@$(if_of "$1" "$2") type=//p" "$CASE/devd" | paste -s -d ' ' -
}
