# Steps, verdicts and waits.

LAST_STEP="the beginning"

# What is being done, for the log.
step() {
	LAST_STEP=$*
	printf '== %s\n' "$*"
}

# A figure that stands in the case's line.
note() {
	printf '%s\n' "$*" >> "$CASE/notes"
}

fail() {
	printf '%s\n' "$*" > "$CASE/why"
	printf 'FAIL: %s\n' "$*"
	exit 1
}

skip() {
	printf '%s\n' "$*" > "$CASE/why"
	exit 77
}

end() {
	case $1 in
	0|77) ;;
	*)
		[ -s "$CASE/why" ] || printf 'a command failed at "%s"\n' "$LAST_STEP" > "$CASE/why"
		autopsy
		;;
	esac
}

# What is good to know about a cluster on which a case failed.
autopsy() {
	local node

	for node in $(nodes); do
		printf '== %s: the kernel, carpd, the end of its log\n' "$node"
		on "$node" ifconfig -a inet 2> /dev/null | grep -e flags= -e vhid -e vrid | grep -v -e lo0 -e pflog0 || true
		on "$node" sysctl net.inet.carp.demotion net.inet.carp.preempt net.inet.carp.allow | paste -s -d ' ' - || true
		if [ -e "$CASE/$node/log" ]; then
			timeout 10 jexec "$P.$node" "$CARPCTL" --config "$CASE/$node/carpd.toml" --color never status | head -n 30 || true
			tail -n 15 "$CASE/$node/log"
			ps -J "$P.$node" -d -o pid,stat,wchan,etime,args || true
		fi
	done
}

# is WHAT FOUND WANTED
is() {
	[ "$2" = "$3" ] || fail "$1 is \"$2\", not \"$3\""
}

# has WHAT TEXT PATTERN
has() {
	printf '%s\n' "$2" | grep -q -E -e "$3" || {
		printf '%s\n' "$2"
		fail "$1 does not say \"$3\""
	}
}

# has_not WHAT TEXT PATTERN
has_not() {
	! printf '%s\n' "$2" | grep -q -E -e "$3" || {
		printf '%s\n' "$2"
		fail "$1 says \"$3\""
	}
}

# exits WANTED COMMAND...: its exit status, and what it said in $SAID.
exits() {
	local wanted got

	wanted=$1 got=0
	shift
	SAID=$("$@" 2>&1) || got=$?
	[ "$got" = "$wanted" ] || {
		printf '%s\n' "$SAID"
		fail "\"$*\" exited $got, not $wanted"
	}
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
	local until what limit

	limit=$1 what=$2
	until=$(($(date +%s) + limit))
	shift 2
	until "$@"; do
		[ "$(date +%s)" -le "$until" ] || fail "waited $limit s in vain for $what"
		sleep 0.1
	done
}

# holds_for SECONDS WHAT COMMAND...: the command succeeds all the time. It proves the absence of something, as far as time can.
holds_for() {
	local until what

	what=$2
	until=$(($(date +%s) + $1))
	shift 2
	while [ "$(date +%s)" -lt "$until" ]; do
		"$@" || fail "$what did not last"
		sleep 0.2
	done
}

# A process of the host's that has to end with the case.
remember_process() {
	echo "$1" >> "$CASE/pids"
}

# A file outside the suite's own directory that has to go with the case.
remember_file() {
	echo "$1" >> "$CASE/files"
}

need_module() {
	kldstat -q -m "$1" || skip "$1 is not loaded"
}

# need_command WORDS...: where carpctl is older than the case.
need_command() {
	"$CARPCTL" "$@" --help > /dev/null 2>&1 || skip "carpctl has no $*"
}
