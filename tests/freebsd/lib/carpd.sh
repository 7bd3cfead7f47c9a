# carpd on a node, and carpctl.

# conf NODE: carpd.toml from the standard input, with the suite's own places.
conf() {
	mkdir -p "$CASE/$1/state"
	{
		printf '[node]\nname = "%s"\nstate_dir = "%s"\n' "$1" "$CASE/$1/state"
		printf '[control]\nsocket = "%s"\n' "$CASE/$1/carpd.sock"
		cat
	} > "$CASE/$1/carpd.toml"
	chmod 640 "$CASE/$1/carpd.toml"
}

# carpd_start NODE: conf has to have written its configuration.
carpd_start() {
	jexec "$P.$1" "$CARPD" --config "$CASE/$1/carpd.toml" >> "$CASE/$1/log" 2>&1 &
	echo $! > "$CASE/$1/pid"
	wait_for 20 "carpd of $1 to answer" carpd_answers "$1"
}

# Without a daemon, status would ask the kernel.
carpd_answers() {
	ctl "$1" history -n 1 > /dev/null 2>&1
}

carpd_pid() {
	cat "$CASE/$1/pid"
}

carpd_runs() {
	kill -0 "$(carpd_pid "$1")" 2>/dev/null
}

carpd_gone() {
	! carpd_runs "$1"
}

# carpd_kill NODE [SIGNAL]
carpd_kill() {
	kill "-${2:-KILL}" "$(carpd_pid "$1")"
	wait_for 15 "the end of carpd on $1" carpd_gone "$1"
}

# ctl NODE ARGUMENTS...
ctl() {
	local name

	name=$1
	shift
	jexec "$P.$name" "$CARPCTL" --config "$CASE/$name/carpd.toml" --color never "$@"
}

# says NODE PATTERN: in its status.
says() {
	ctl "$1" status | grep -q -E -e "$2"
}

# sees NODE VHID@IF STATE: the daemon.
sees() {
	ctl "$1" wait --timeout 15s --state "$3" "$2" > /dev/null
}

# follower NODE VHID@IF...: [[service]] "follower", a file that exists where the service is active.
follower() {
	local name list one

	name=$1 list=
	shift
	for one in "$@"; do list="$list${list:+, }\"$one\""; done
	cat <<-EOT
	[[service]]
	name = "follower"
	follows = [$list]
	settle = "1s"
	check_every = "2s"
	[service.exec]
	start = ["/usr/bin/touch", "$CASE/$name/active"]
	stop = ["/bin/rm", "$CASE/$name/active"]
	status = ["/bin/test", "-e", "$CASE/$name/active"]
	EOT
}

is_active() {
	[ -e "$CASE/$1/active" ]
}

is_standby() {
	! is_active "$1"
}

says_not() {
	! says "$@"
}

# ctl_has NODE PATTERN: in its status as JSON.
ctl_has() {
	ctl "$1" status --json | grep -q -E -e "$2"
}
