# The host: what it has to have, what is loaded, and that it is in the end as it was before.
# Sourced by run, not by cases.

host_program() {
	local found

	found=$1
	[ -n "$found" ] || found=$(PATH="$PATH:/usr/local/sbin" command -v "$2") || {
		echo "run: $2 is not in PATH; install it, or name it with $3=/path/to/$2" >&2
		exit 2
	}
	case $found in
	/*) ;;
	*) found=$(pwd)/$found ;;
	esac
	[ -x "$found" ] || { echo "run: $found cannot be executed" >&2; exit 2; }
	echo "$found"
}

host_check() {
	[ "$(uname -s)" = FreeBSD ] || { echo "run: this is $(uname -s); the suite needs a FreeBSD kernel" >&2; exit 2; }
	[ "$(id -u)" = 0 ] || { echo "run: only root can make vnet jails" >&2; exit 2; }
	[ "$(sysctl -n kern.features.vimage 2>/dev/null)" = 1 ] || { echo "run: this kernel has no VIMAGE" >&2; exit 2; }
	CARPD=$(host_program "${CARPD:-}" carpd CARPD) || exit 2
	CARPCTL=$(host_program "${CARPCTL:-}" carpctl CARPCTL) || exit 2
}

# Modules cannot be loaded from inside a jail. They are not unloaded afterwards: something may have begun to use them.
host_load() {
	local module

	for module in carp pf pfsync if_epair if_bridge if_wg; do
		kldstat -q -m "$module" && continue
		if [ "$LOAD" = yes ] && kldload "$module" 2>/dev/null; then
			echo "loaded $module, which stays loaded"
		else
			echo "$module is not loaded: cases that need it are skipped"
		fi
	done
}

# What of the host the suite must not change.
host_snapshot() {
	echo "interfaces: $(ifconfig -l)"
	echo "jails: $(jls -N name 2>/dev/null | sort | paste -s -d ' ' -)"
	# Those of others come and go.
	echo "dying jails of the suite: $(jls -d -N name 2>/dev/null | grep "^${PREFIX:-$P}" | sort | paste -s -d ' ' -)"
	echo "demotion: $(sysctl -n net.inet.carp.demotion 2>/dev/null)"
	echo "CARP: $(ifconfig -a | grep -E '(carp|vrrp): ' | sed 's/^[[:space:]]*//' | paste -s -d ',' -)"
	echo "mounts: $(mount -p | wc -l | tr -d ' ')"
	echo "rc scripts: $(find /usr/local/etc/rc.d -type f 2>/dev/null | sort | paste -s -d ' ' -)"
	echo "carpd of the suite: $(pgrep -f "$WORK" | wc -l | tr -d ' ')"
}

# host_clean JAIL [DIRECTORY]: everything of a case lives in one jail, its children, and what it has registered in its directory.
host_clean() {
	local one tries

	if [ -s "${2:-}/pids" ]; then
		while read -r one; do kill -9 "$one" 2>/dev/null; done < "$2/pids"
	fi
	if [ -s "${2:-}/files" ]; then
		while read -r one; do rm -f "$one"; done < "$2/files"
	fi
	if jls -j "$1" jid > /dev/null 2>&1; then
		# A jail is gone only when the last of its sockets is, and a connection whose peer went first would take minutes to end.
		for one in $(jls -N name | grep "^$1[.]"); do jexec "$one" tcpdrop -a > /dev/null 2>&1; done
		jail -r "$1" > /dev/null 2>&1
	fi
	tries=0
	while jls -d -j "$1" jid > /dev/null 2>&1 && [ "$tries" -lt 100 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}

host_compare() {
	host_snapshot > "$WORK/after"
	cmp -s "$WORK/before" "$WORK/after" && return 0
	echo "FAIL  the host is not as it was before:"
	diff "$WORK/before" "$WORK/after" | sed 's/^/      /'
	return 1
}
