# limit: 240
# A TCP connection through two firewalls with NAT on the VIP and pfsync between them survives a planned handover, the return, and the crash
# of the MASTER: of the numbered lines that are sent ten times a second, none is lost and none comes twice.

need_module pf
need_module pfsync
command -v nc > /dev/null || skip "there is no nc"

cluster lan wan sync
for n in 1 2; do
	f=fw$n
	node $f lan wan sync
	address $f lan 10.1.0.1$n/24
	address $f wan 10.2.0.1$n/24
	address $f sync 10.3.0.1$n/30
	on $f sysctl net.inet.ip.forwarding=1 > /dev/null
	on $f pfctl -q -e -f - <<-EOT
	set skip on { lo, $(if_of $f sync) }
	nat on $(if_of $f wan) inet from 10.1.0.0/24 to any -> 10.2.0.1
	pass quick proto carp keep state (no-sync)
	pass quick keep state
	EOT
	on $f ifconfig pfsync0 syncdev "$(if_of $f sync)" up
done
for n in 1 2; do
	wait_for 100 "the end of the bulk update of fw$n" demotion_is fw$n 0
	skew=0
	[ $n = 1 ] || skew=100
	vhid fw$n lan 1 $skew 10.1.0.1/24
	vhid fw$n wan 2 $skew 10.2.0.1/24
	conf fw$n < /dev/null
	carpd_start fw$n
done
both() {
	becomes "$1" lan 1 MASTER
	becomes "$1" wan 2 MASTER
	becomes "$2" lan 1 BACKUP
	becomes "$2" wan 2 BACKUP
}
both fw1 fw2
client cl lan 10.1.0.20/24
on cl route add default 10.1.0.1 > /dev/null
client sv wan 10.2.0.20/24

step "a connection"
on sv nc -l 10.2.0.20 7000 > "$CASE/received" &
listening() {
	on sv sockstat -l -4 -p 7000 | grep -q nc
}
wait_for 10 "the server" listening
# The lines end when this file goes.
: > "$CASE/go"
(
	i=0
	while [ -e "$CASE/go" ]; do
		i=$((i + 1))
		echo $i
		echo $i > "$CASE/sent"
		sleep 0.1
	done
) | on cl nc -N 10.2.0.20 7000 &
CLIENT=$!
received() {
	[ "$(wc -l < "$CASE/received")" -ge "$1" ]
}
# So many lines more have arrived than had at the call.
flows() {
	wait_for 60 "$1 more lines" received $(($(wc -l < "$CASE/received") + $1))
}
flows 10
has "the server's peer" "$(on sv sockstat -4 -c -p 7000)" '10\.2\.0\.1:'
states() {
	on "$1" pfctl -q -ss | grep -q '10.2.0.20:7000.*ESTABLISHED'
}
wait_for 15 "the state on fw2" states fw2

step "a planned handover"
ctl fw1 maintenance enter --reason "the suite" --wait
both fw2 fw1
flows 20
step "and back"
ctl fw1 maintenance leave
both fw1 fw2
flows 20
step "the MASTER crashes"
at=$(cat "$CASE/sent")
node_off fw1
becomes fw2 lan 1 MASTER
becomes fw2 wan 2 MASTER
flows 30
note "line $at was the last before the crash, $(wc -l < "$CASE/received" | tr -d ' ') lines in all"

step "nothing is lost, nothing doubled"
rm "$CASE/go"
wait "$CLIENT" || true
sent=$(cat "$CASE/sent")
complete() {
	[ "$(tail -n 1 "$CASE/received")" = "$sent" ]
}
wait_for 30 "the last line" complete
jot "$sent" > "$CASE/should"
cmp "$CASE/should" "$CASE/received" || fail "what arrived is not 1 to $sent: $(diff "$CASE/should" "$CASE/received" | head -3 | paste -s -d ' ' -)"
