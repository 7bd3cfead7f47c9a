# Nodes, segments and vhids.
#
# Everything lives below one vnet jail, $P, which is the switch: its bridges are the segments, its children the nodes. An epair that is
# made in there is never seen by the host. A node's interface is called ${P}NODESEGMENT, because devd(8) tells the
# transitions of all jails without their names: equal names would make each node listen to its peer's events.

# cluster SEGMENT...: the switch. Names of segments have up to 4 characters, those of nodes up to 3.
cluster() {
	local segment

	need_module carp
	need_module if_epair
	need_module if_bridge
	jail -c name="$P" persist vnet path=/ children.max=50 host.hostname="$P" allow.raw_sockets > /dev/null
	: > "$CASE/nodes"
	for segment in "$@"; do
		jexec "$P" ifconfig bridge create name "$segment" up > /dev/null
	done
}

# node NAME SEGMENT...: a node with an interface on each of these.
node() {
	local name

	name=$1
	shift
	jail -c name="$P.$name" persist vnet path=/ host.hostname="$name" allow.raw_sockets > /dev/null
	mkdir -p "$CASE/$name"
	grep -q -x "$name" "$CASE/nodes" || echo "$name" >> "$CASE/nodes"
	jexec "$P" sh -s "$P" "$name" "$@" < "$HERE/lib/ports.sh" > /dev/null
	# shellcheck disable=SC2016 # for the node's shell
	on "$name" sh -c '
		sysctl net.inet.carp.preempt=1 > /dev/null
		ifconfig lo0 inet 127.0.0.1/8 up
		shift
		for segment; do ifconfig "$0$segment" inet6 -ifdisabled no_dad up; done' "$P$name" "$name" "$@"
}

# A node loses its power: nothing of it is left but its files.
node_off() {
	local segment

	# Its ports go first, so that no packet of the jail's end is heard.
	for segment in $(jexec "$P" ifconfig -l | tr ' ' '\n' | grep "^$1"); do
		jexec "$P" ifconfig "$segment" down
	done
	jail -r "$P.$1"
	wait_for 20 "the end of jail $1" node_gone "$1"
	for segment in $(jexec "$P" ifconfig -l | tr ' ' '\n' | grep "^$1"); do
		jexec "$P" ifconfig "$segment" destroy
	done
}

node_gone() {
	! jls -d -j "$P.$1" jid > /dev/null 2>&1
}

nodes() {
	cat "$CASE/nodes" 2>/dev/null || true
}

# if_of NODE SEGMENT: the interface's name.
if_of() {
	echo "$P$1$2"
}

# on NODE COMMAND...
on() {
	local name

	name=$1
	shift
	jexec "$P.$name" "$@"
}

# address NODE SEGMENT ADDRESS/LENGTH
address() {
	case $3 in
	*:*) on "$1" ifconfig "$(if_of "$1" "$2")" inet6 "$3" alias ;;
	*) on "$1" ifconfig "$(if_of "$1" "$2")" inet "$3" alias ;;
	esac
}

# vhid NODE SEGMENT VHID ADVSKEW ADDRESS/LENGTH...
vhid() {
	local name segment number skew one

	name=$1 segment=$2 number=$3 skew=$4
	shift 4
	on "$name" ifconfig "$(if_of "$name" "$segment")" vhid "$number" advskew "$skew" pass "of-the-suite"
	for one in "$@"; do
		vip "$name" "$segment" "$number" "$one"
	done
}

# vip NODE SEGMENT VHID ADDRESS/LENGTH
vip() {
	case $4 in
	*:*) on "$1" ifconfig "$(if_of "$1" "$2")" inet6 vhid "$3" "$4" alias ;;
	*) on "$1" ifconfig "$(if_of "$1" "$2")" inet vhid "$3" "$4" alias ;;
	esac
}

# vip_gone NODE SEGMENT ADDRESS
vip_gone() {
	case $3 in
	*:*) on "$1" ifconfig "$(if_of "$1" "$2")" inet6 "$3" -alias ;;
	*) on "$1" ifconfig "$(if_of "$1" "$2")" inet "$3" -alias ;;
	esac
}

# state NODE SEGMENT VHID: MASTER, BACKUP, INIT or absent, as the kernel says.
state() {
	on "$1" ifconfig "$(if_of "$1" "$2")" |
	    awk -v vhid="$3" '($1 == "carp:" || $1 == "vrrp:") && $4 == vhid { s = $2 } END { print (s == "" ? "absent" : s) }'
}

# in_state NODE SEGMENT VHID STATE
in_state() {
	[ "$(state "$1" "$2" "$3")" = "$4" ]
}

# becomes NODE SEGMENT VHID STATE, within 20 s
becomes() {
	wait_for 20 "$1 to be $4 of $3@$2" in_state "$@"
}

# stays SECONDS NODE SEGMENT VHID STATE
stays() {
	local seconds

	seconds=$1
	shift
	holds_for "$seconds" "$1 as $4 of $3@$2" in_state "$@"
}

demotion() {
	on "$1" sysctl -n net.inet.carp.demotion
}

demote() {
	on "$1" sysctl net.inet.carp.demotion="$2" > /dev/null
}

demotion_is() {
	[ "$(demotion "$1")" = "$2" ]
}

# pair SEGMENT...: fw1 (advskew 0) and fw2 (advskew 100) on each of them, with one vhid on each: 1 on the first, 2 on the second.
# Segment N is 10.N.0.0/24: the VIP .1, fw1 .11, fw2 .12.
pair() {
	local segment n

	cluster "$@"
	node fw1 "$@"
	node fw2 "$@"
	n=0
	for segment in "$@"; do
		n=$((n + 1))
		address fw1 "$segment" "10.$n.0.11/24"
		address fw2 "$segment" "10.$n.0.12/24"
		vhid fw1 "$segment" "$n" 0 "10.$n.0.1/24"
		vhid fw2 "$segment" "$n" 100 "10.$n.0.1/24"
	done
	n=0
	for segment in "$@"; do
		n=$((n + 1))
		becomes fw1 "$segment" "$n" MASTER
		becomes fw2 "$segment" "$n" BACKUP
	done
}

# client NAME SEGMENT NUMBER ADDRESS: a host on a segment.
client() {
	node "$1" "$2"
	address "$1" "$2" "$3"
}
