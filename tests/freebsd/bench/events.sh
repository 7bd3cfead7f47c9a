#!/bin/sh
# How long it takes from a vhid's transition to MASTER until a service is executed: devd's own action beside carpd, each alone,
# in turn, on the same two nodes.
#
#   events.sh [-n FLIPS] [-b OTHER_CARPD] -y CARPD
#
# -n  transitions per line of the table, 20 unless told
# -b  another build of carpd, measured as well; one from before it listened to netlink has devd alone
# -y  yes, on this machine: see below
#
# The node under test is this host's own network stack, because nlsysevent tells jails nothing; the other node is a vnet jail.
# Changed for the time of the run and put back: net.inet.carp.preempt, kern.msgbuf_show_timestamp, whether nlsysevent is
# loaded, and one file of rules in /etc/devd, for which devd is restarted. Refused where a vhid exists already.
#
# Method. The other node is MASTER; its demotion is raised by 240, so it advertises at once and this node takes over. The
# transition's time is the kernel's own: its line "1@... BACKUP -> MASTER" in the message buffer, stamped there with
# microuptime(9). The service's time is the modification time of the file that touch(1) makes: the service's start is
# /usr/bin/touch, executed by carpd directly and by devd through its shell. Uptime becomes time of day by kern.boottime.
# In the second half every transition comes 0.3 s after devd was given another action, sleep 2.
set -u
export LC_ALL=C
flips=20 other='' yes=''
while getopts n:b:y option; do
	case $option in
	n) flips=$OPTARG ;;
	b) other=$OPTARG ;;
	y) yes=1 ;;
	*) sed -n '2,11p' "$0"; exit 64 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 1 ] && [ -n "$yes" ] || { sed -n '2,11p' "$0"; exit 64; }
carpd=$1
[ "$(uname -s)" = FreeBSD ] && [ "$(id -u)" = 0 ] || { echo "needs FreeBSD and root" >&2; exit 64; }
[ "$(sysctl -n security.jail.jailed)" = 0 ] || { echo "needs a host, not a jail" >&2; exit 64; }
[ -x "$carpd" ] || { echo "$carpd: not a program" >&2; exit 64; }
if ifconfig 2>/dev/null | grep -q 'carp: '; then
	echo "this machine has a vhid; its node is not measured on" >&2
	exit 64
fi

jail=carpd-bench
dir=$(mktemp -d /tmp/carpd-bench.XXXXXX) || exit 1
rules=/etc/devd/carpd-bench.conf
up=$dir/up
running='' bridge='' near='' far='' preempt='' stamps='' module=''

cleanup() {
	trap - EXIT INT TERM
	[ -n "$running" ] && kill "$running" 2>/dev/null && wait "$running" 2>/dev/null
	jail -r $jail 2>/dev/null
	[ -n "$near" ] && ifconfig "$near" destroy
	[ -n "$far" ] && ifconfig "$far" destroy
	[ -n "$bridge" ] && ifconfig "$bridge" destroy
	[ -n "$preempt" ] && sysctl -q net.inet.carp.preempt="$preempt" >/dev/null
	[ -n "$stamps" ] && sysctl -q kern.msgbuf_show_timestamp="$stamps" >/dev/null
	if [ -n "$module" ]; then
		if [ "$module" = yes ]; then kldload -nq nlsysevent; else kldunload -q nlsysevent 2>/dev/null; fi
	fi
	if [ -e $rules ]; then
		rm -f $rules
		service devd onerestart >/dev/null 2>&1
	fi
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

setup() {
	for needed in carp if_bridge if_epair; do kldload -nq $needed 2>/dev/null; done
	preempt=$(sysctl -n net.inet.carp.preempt) && sysctl -q net.inet.carp.preempt=1 >/dev/null || return 1
	stamps=$(sysctl -n kern.msgbuf_show_timestamp) && sysctl -q kern.msgbuf_show_timestamp=2 >/dev/null || return 1
	if kldstat -qm nlsysevent; then module=yes; else module=no; fi
	bridge=$(ifconfig bridge create) || return 1
	near=$(ifconfig epair create) || return 1
	far=$(ifconfig epair create) || return 1
	ifconfig "$bridge" addm "$near" addm "$far" up && ifconfig "$near" up && ifconfig "$far" up || return 1
	here=${near%a}b there=${far%a}b
	jail -c name=$jail persist vnet path=/ vnet.interface="$there" || return 1
	jexec $jail ifconfig lo0 up
	jexec $jail sysctl -q net.inet.carp.preempt=1 >/dev/null
	jexec $jail ifconfig "$there" inet 192.0.2.12/24 up
	ifconfig "$here" inet 192.0.2.11/24 up
	jexec $jail ifconfig "$there" inet vhid 1 advskew 0 pass carpd-bench 192.0.2.1/24 alias || return 1
	ifconfig "$here" inet vhid 1 advskew 100 pass carpd-bench 192.0.2.1/24 alias || return 1
	cat >"$dir/own" <<-EOF
		notify 200 {
			match "system" "CARP"; match "subsystem" "1@$here"; match "type" "MASTER";
			action "/usr/bin/touch $up";
		};
		notify 200 {
			match "system" "CARP"; match "subsystem" "1@$here"; match "type" "BACKUP";
			action "/bin/rm -f $up";
		};
	EOF
	cat >"$dir/slow" <<-EOF
		notify 200 {
			match "system" "IFNET"; match "subsystem" "lo0"; match "type" "ADDR_ADD";
			action "/bin/sleep 2";
		};
	EOF
	boottime=$(sysctl -n kern.boottime | sed -E 's/.*sec = ([0-9]+), usec = ([0-9]+).*/\1 \2/' | awk '{ printf "%d.%06d", $1, $2 }')
	wait_for "this node is BACKUP" backup
}

backup() { ifconfig "$here" | grep -q 'carp: BACKUP'; }
absent() { [ ! -e "$up" ]; }
present() { [ -e "$up" ]; }
logged() { grep -q "$1" "$dir/log"; }

# wait_for WHAT CONDITION...: at most 15 s.
wait_for() {
	what=$1
	shift
	tries=60
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { echo "waited for: $what" >&2; return 1; }
		sleep 0.25
	done
}

# devd_with FILES...: the rules of the run.
devd_with() {
	cat /dev/null "$@" >$rules
	service devd onerestart >/dev/null 2>&1
	sleep 2
}

# start_carpd PROGRAM DEVD_SOCKET WORDS...: WORDS are in its log once it hears all that it shall hear.
start_carpd() {
	cat >"$dir/carpd.toml" <<-EOF
		[node]
		name = "bench"
		state_dir = "$dir/state"
		devd_socket = "$2"
		[control]
		socket = "$dir/control"
		[[service]]
		name = "bench"
		follows = ["1@$here"]
		settle = "0s"
		check_every = "1m"
		[service.exec]
		start = ["/usr/bin/touch", "$up"]
		stop = ["/bin/rm", "-f", "$up"]
		status = ["/bin/test", "-e", "$up"]
	EOF
	program=$1
	shift 2
	"$program" --config "$dir/carpd.toml" >"$dir/log" 2>&1 &
	running=$!
	for word in "$@"; do wait_for "carpd hears $word" logged "connected to $word" || { cat "$dir/log"; return 1; }; done
	sleep 3
}

stop_carpd() {
	[ -n "$running" ] || return
	kill "$running" && wait "$running"
	running=''
}

# milliseconds from the newest transition to the service; nothing if one of them is not there.
latency() {
	at=$(stat -f %Fm "$up" 2>/dev/null) || return
	sysctl -n kern.msgbuf | awk -v id="1@$here:" -v boot="$boottime" -v at="$at" '
		index($0, id " BACKUP -> MASTER") { split($0, part, /[][]/); when = part[2] }
		END { if (when) printf "%.2f\n", ((at - boot) - when) * 1000 }'
}

# measure LABEL [slow]
measure() {
	: >"$dir/values"
	n=0
	while [ $n -lt "$flips" ]; do
		n=$((n + 1))
		if [ "${2:-}" = slow ]; then
			jexec $jail ifconfig lo0 inet 127.0.0.53/32 alias
			sleep 0.3
		fi
		jexec $jail sysctl -q net.inet.carp.demotion=240 >/dev/null
		sleep 1
		wait_for "$1: the service" present
		latency >>"$dir/values"
		[ "${2:-}" = slow ] && jexec $jail ifconfig lo0 inet 127.0.0.53 -alias
		jexec $jail sysctl -q net.inet.carp.demotion=-240 >/dev/null
		sleep 1
		wait_for "$1: its end" absent
	done
	sort -n "$dir/values" | awk -v label="$1" -v asked="$flips" '
		{ v[NR] = $1 }
		END {
			if (!NR) { printf "%-44s nothing of %d\n", label, asked; exit }
			p = int(NR * 0.99 + 0.999999); if (p > NR) p = NR
			m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
			printf "%-44s %3d %9.1f %9.1f %9.1f\n", label, NR, v[1], m, v[p]
		}'
}

# both halves of the table differ in what devd has to do besides.
half() {
	slow=$1
	devd_with "$dir/own" ${slow:+"$dir/slow"}
	measure "devd's action" $slow
	devd_with ${slow:+"$dir/slow"}
	devd=/var/run/devd.seqpacket.pipe
	kldunload -q nlsysevent 2>/dev/null
	if [ -n "$other" ]; then
		start_carpd "$other" $devd devd && measure "$(basename "$other")" $slow
		stop_carpd
	fi
	start_carpd "$carpd" $devd devd rtnetlink && measure "carpd: devd, rtnetlink" $slow
	stop_carpd
	if [ -z "$slow" ]; then
		start_carpd "$carpd" /nonexistent rtnetlink && measure "carpd: rtnetlink"
		stop_carpd
	fi
	if kldload -nq nlsysevent 2>/dev/null; then
		start_carpd "$carpd" $devd devd nlsysevent rtnetlink && measure "carpd: devd, nlsysevent, rtnetlink" $slow
		stop_carpd
		if [ -z "$slow" ]; then
			start_carpd "$carpd" /nonexistent nlsysevent rtnetlink && measure "carpd: nlsysevent, rtnetlink"
			stop_carpd
		fi
	else
		echo "no module nlsysevent: not measured"
	fi
}

setup || { echo "the nodes could not be set up" >&2; exit 1; }
uname -v
printf '%-44s %3s %9s %9s %9s\n' 'from transition to exec, milliseconds' n min median p99
half ''
echo 'while devd is given another action, sleep 2'
half slow
