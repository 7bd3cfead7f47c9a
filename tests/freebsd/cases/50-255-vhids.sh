# alone
# limit: 240
# A node with 255 vhids: all of them are seen, flip together, and the daemon stays small.

pair lan
for n in fw1 fw2; do
	skew=0
	[ $n = fw1 ] || skew=100
	# One script in the jail: 500 commands by way of jexec would take minutes on a slow machine.
	# shellcheck disable=SC2016 # for the node's shell
	on $n sh -c '
		v=2
		while [ $v -le 255 ]; do
			ifconfig "$0" vhid $v advskew "$1" pass of-the-suite 10.1.1.$v/32 alias
			v=$((v + 1))
		done' "$(if_of $n lan)" $skew
	conf $n < /dev/null
	carpd_start $n
done

masters() {
	on "$1" ifconfig "$(if_of "$1" lan)" | grep -c 'carp: MASTER' || true
}
masters_are() {
	[ "$(masters "$1")" = "$2" ]
}
# What the daemon says, apart from its history.
seen_masters_are() {
	[ "$(ctl "$1" status --json | grep -c '"state": "MASTER"')" = "$2" ]
}

step "all are seen"
wait_for 60 "fw1 to have 255 vhids" masters_are fw1 255
wait_for 30 "carpd of fw1 to see them" seen_masters_are fw1 255
wait_for 30 "carpd of fw2 to see none" seen_masters_are fw2 0

step "all flip"
ctl fw1 maintenance enter --wait
wait_for 30 "fw2 to have 255 vhids" masters_are fw2 255
wait_for 30 "carpd of fw2 to see them" seen_masters_are fw2 255
wait_for 30 "carpd of fw1 to see none" seen_masters_are fw1 0
ctl fw1 maintenance leave
wait_for 60 "fw1 to have 255 vhids" masters_are fw1 255
wait_for 30 "carpd of fw1 to see them" seen_masters_are fw1 255

rss=$(ps -o rss= -p "$(carpd_pid fw1)" | tr -d ' ')
note "RSS of carpd $rss KiB"
[ "$rss" -le 8192 ] || fail "carpd takes $rss KiB, more than 8 MiB"
