# The steps of a scenario, done to jails.

# why_not: skips what cannot be done here.
why_not() {
	local text virtual

	virtual=$(sed -n 's/^  "virtual_seconds": \([0-9]*\).*/\1/p' "$CASE/lab.json")
	[ "${virtual:-0}" -le 900 ] || skip "lasts $virtual s"
	while IFS='|' read -r _ _ _ text; do
		case $text in
		"cable pull opt1" | "cable plug opt1" | "pfsync reset") skip "its pfsync is not set up here" ;;
		"cable "* | "partition "* | "heal "* | "one-way cut "*) ;;
		"maintenance enter"*" for "*) skip "waits for the end of a maintenance" ;;
		"maintenance "* | "daemon kill" | "daemon start" | "daemon stop") ;;
		"demotion reset") skip "changes the demotion twice in one instant, for which programs are too slow" ;;
		"demotion add "* | "allow "* | "preempt "*) ;;
		"vip add "* | "password "* | "carp disable" | "carp enable") ;;
		"crash" | "boot" | "boots" | "reboot "*)
			[ "$(sed -n 's/^boot_hold = //p' "$SCENARIO")" = "" ] || skip "a boot hold belongs to a boot, and jails have the host's"
			;;
		"service crash "* | "service start gateway" | "service start fails "* | "service unhealthy "*) ;;
		"service stop hangs "*) skip "is about a service, and no vhid moves for it" ;;
		"clock "*) skip "sets the clock, which jails share with the host" ;;
		"disk full "*) skip "fills the disk, which jails share with the host" ;;
		"kernel unreadable "*) skip "makes the kernel unreadable, which only the lab can" ;;
		"devd "* | "lose events "*) skip "stops devd, which jails share with the host" ;;
		"loss "*) skip "is about chance, so that every run differs" ;;
		"opnsense "*) skip "needs OPNsense" ;;
		*) skip "nobody has said how to do \"$text\" to a jail" ;;
		esac
	done < "$CASE/steps"
}

# scenario_nodes: lines "NODE SEGMENT VHID ADVSKEW ADDRESS", of the lab's own pair or of the files that the scenario names.
scenario_nodes() {
	local file name

	if grep -q '^nodes = "example"' "$SCENARIO"; then
		echo "fw1 wan 1 0 172.18.0.100/24"
		echo "fw1 lan 3 0 192.168.1.1/24"
		echo "fw2 wan 1 100 172.18.0.100/24"
		echo "fw2 lan 3 100 192.168.1.1/24"
		return
	fi
	sed -n 's/^nodes = //p' "$SCENARIO" | tr '{' '\n' | sed -n 's/.*name = "\([a-z0-9]*\)", file = "\([^"]*\)".*/\1 \2/p' |
	    while read -r name file; do
		awk -v node="$name" '
		function flush(  i, n, list) {
			n = split(addresses, list, /[", ]+/)
			for (i = 1; i <= n; i++) if (list[i] != "") print node, interface, vhid, skew, list[i]
			addresses = ""
		}
		/^\[/ { flush(); skew = 0; next }
		/^vhid = / { vhid = $3 }
		/^advskew = / { skew = $3 }
		/^interface = / { interface = $3; gsub(/"/, "", interface) }
		/^addresses = / { addresses = $0; sub(/^addresses = \[/, "", addresses); sub(/\].*/, "", addresses) }
		END { flush() }' "$(dirname "$SCENARIO")/$file"
	done
}

scenario_cluster() {
	local node segments

	scenario_nodes > "$CASE/nodes.all"
	segments=$(awk '{ print $2 }' "$CASE/nodes.all" | sort -u)
	# shellcheck disable=SC2086 # words
	cluster $segments
	# shellcheck disable=SC2013 # names without spaces
	for node in $(awk '{ print $1 }' "$CASE/nodes.all" | sort -u); do
		# shellcheck disable=SC2046 # words
		node "$node" $(awk -v n="$node" '$1 == n { print $2 }' "$CASE/nodes.all" | sort -u)
		node_conf "$node"
		node_begin "$node"
	done
}

# node_conf NODE: a service that follows what the scenario's does, with its probe.
node_conf() {
	local one list

	list=
	for one in $(sed -n 's/^follows = \[\(.*\)\]/\1/p' "$SCENARIO" | head -1 | tr -d '" ' | tr ',' ' '); do
		list="$list ${one%@*}@$(if_of "$1" "${one#*@}")"
	done
	# shellcheck disable=SC2086 # words
	{
		[ -z "$list" ] || follower "$1" $list
		if grep -q '^\[\[service.probe\]\]' "$SCENARIO"; then
			echo '[[service.probe]]'
			echo "name = \"handshake\""
			echo 'kind = "exec"'
			echo "command = [\"/bin/test\", \"!\", \"-e\", \"$CASE/$1/sick\"]"
			grep -E '^(every|fall|rise|demote) = ' "$SCENARIO"
			echo 'effect = "demote"'
		fi
	} | conf "$1"
}

# node_begin NODE: from its first address to carpd, as at a boot. carpd comes first, because its early script does.
node_begin() {
	local segment vhid skew one host

	host=1${1#fw}
	carpd_start "$1"
	awk -v n="$1" '$1 == n { print $2, $3, $4, $5 }' "$CASE/nodes.all" | while read -r segment vhid skew one; do
		case $one in
		*:*) ;;
		*)
			# The scenario may have given the vhid a second address in the network of the first.
			on "$1" ifconfig "$(if_of "$1" "$segment")" | grep -q "inet ${one%.*}.$host " ||
			    address "$1" "$segment" "${one%.*}.$host/${one#*/}"
			;;
		esac
		vhid "$1" "$segment" "$vhid" "$skew" "$one"
	done
}

vips_of() {
	awk -v n="$1" '$1 == n { print $2, $3, $5 }' "$CASE/nodes.all"
}

# take NODE STEP
take() {
	local node segment vhid one word sender

	node=$1
	# shellcheck disable=SC2086 # the words of the step
	set -- $2
	word="$1 ${2:-}"
	case $word in
	"cable pull") on "$node" ifconfig "$(if_of "$node" "$3")" down ;;
	"cable plug") on "$node" ifconfig "$(if_of "$node" "$3")" up ;;
	"cable cut") jexec "$P" ifconfig "$3" deletem "$node$3" ;;
	"cable mend") jexec "$P" ifconfig "$3" addm "$node$3" ;;
	"one-way cut")
		# one-way cut from fw1 wan to fw2: a packet filter at the far end is what lets one direction work.
		kldstat -q -m pf || fail "pf is not loaded"
		sender=$(awk -v n="$4" -v s="$5" '$1 == n && $2 == s { sub(/\.[0-9]*\/.*/, "", $5); print $5 ".1" substr(n, 3); exit }' "$CASE/nodes.all")
		echo "block in quick on $(if_of "$7" "$5") from $sender" >> "$CASE/$7/pf.conf"
		on "$7" pfctl -q -f "$CASE/$7/pf.conf"
		on "$7" pfctl -q -e 2>/dev/null || true
		;;
	"partition "*) for node in $(nodes); do jexec "$P" ifconfig "$2" deletem "$node$2"; done ;;
	"heal "*) for node in $(nodes); do jexec "$P" ifconfig "$2" addm "$node$2" 2>/dev/null || true; on "$node" pfctl -q -d 2>/dev/null || true; done ;;
	"maintenance enter")
		# It may be refused, and the lab's timeline is what tells whether it had to be.
		if [ "${3:-}" = reason ]; then shift 3; ctl "$node" maintenance enter --reason "$*" || true; else ctl "$node" maintenance enter || true; fi
		;;
	"maintenance leave") ctl "$node" maintenance leave || true ;;
	"daemon kill") carpd_kill "$node" ;;
	"daemon stop") carpd_kill "$node" TERM ;;
	"daemon start") carpd_start "$node" ;;
	"demotion add") demote "$node" "$4" ;;
	"allow on") on "$node" sysctl net.inet.carp.allow=1 > /dev/null ;;
	"allow off") on "$node" sysctl net.inet.carp.allow=0 > /dev/null ;;
	"preempt on") on "$node" sysctl net.inet.carp.preempt=1 > /dev/null ;;
	"preempt off") on "$node" sysctl net.inet.carp.preempt=0 > /dev/null ;;
	"vip add")
		# While CARP is disabled the vhid is not there, and has to be made as it was: with its skew and its password.
		segment=${4#*@} vhid=${4%@*}
		word=$(awk -v n="$node" -v s="$segment" -v v="$vhid" '$1 == n && $2 == s && $3 == v { print $4; exit }' "$CASE/nodes.all")
		echo "$node $segment $vhid ${word:-0} $3" >> "$CASE/nodes.all"
		vhid "$node" "$segment" "$vhid" "${word:-0}" "$3"
		;;
	"password "*) on "$node" ifconfig "$(if_of "$node" "${2#*@}")" vhid "${2%@*}" pass another-one \
	    advskew "$(awk -v n="$node" -v s="${2#*@}" '$1 == n && $2 == s { print $4; exit }' "$CASE/nodes.all")" ;;
	"carp disable")
		on "$node" sysctl net.inet.carp.allow=0 > /dev/null
		vips_of "$node" | while read -r segment vhid one; do vip_gone "$node" "$segment" "${one%/*}"; done
		;;
	"carp enable")
		# In the lab all of it is one moment. Here each address takes a program, and with allow=1 before the last of them a vhid would
		# refuse the other node's adverts for so long, after 3 s as MASTER.
		awk -v n="$node" '$1 == n { print $2, $3, $4, $5 }' "$CASE/nodes.all" | while read -r segment vhid word one; do
			vhid "$node" "$segment" "$vhid" "$word" "$one"
		done
		on "$node" sysctl net.inet.carp.allow=1 > /dev/null
		;;
	"crash "*) carpd_kill "$node"; node_off "$node" ;;
	"reboot "*) carpd_kill "$node" TERM; node_off "$node" ;;
	# The lab tells the end of a boot as well.
	"boots "*) jls -j "$P.$node" jid > /dev/null 2>&1 || take "$node" boot ;;
	"boot "*)
		# shellcheck disable=SC2046 # words
		node "$node" $(awk -v n="$node" '$1 == n { print $2 }' "$CASE/nodes.all" | sort -u)
		node_begin "$node"
		;;
	"service crash") rm -f "$CASE/$node/active" ;;
	"service start") [ "$3" = fails ] || touch "$CASE/$node/active" ;;
	"service unhealthy") if [ "$3" = on ]; then touch "$CASE/$node/sick"; else rm -f "$CASE/$node/sick"; fi ;;
	*) fail "nobody has said how to do \"$*\"" ;;
	esac
}
