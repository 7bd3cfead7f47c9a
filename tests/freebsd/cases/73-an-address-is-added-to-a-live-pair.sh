# apply --guided takes a live pair through the one order in which an address can be added without two MASTERs, and leaves it as it was if
# somebody says no.

need_command apply
"$CARPCTL" apply --help | grep -q -e --guided || skip "carpctl has no apply --guided"
cluster lan
file() {
	conf "fw$1" <<-EOT
	[vips]
	source = "static"
	[[vips.vhid]]
	interface = "$(if_of "fw$1" lan)"
	vhid = 1
	advskew = $((($1 - 1) * 100))
	addresses = [$2]
	EOT
}
for n in 1 2; do
	node fw$n lan
	address fw$n lan 10.1.0.1$n/24
	file $n '"10.1.0.1/24"'
	exits 0 ctl fw$n apply
done
becomes fw1 lan 1 MASTER
becomes fw2 lan 1 BACKUP
for n in 1 2; do file $n '"10.1.0.1/24", "10.1.0.2/24"'; done

has_address() {
	on "$1" ifconfig "$(if_of "$1" lan)" | grep -q '10\.1\.0\.2 '
}

# as_before: of the node that begins, nothing has changed.
as_before() {
	is "allow" "$(on fw2 sysctl -n net.inet.carp.allow)" 1
	is "the demotion" "$(demotion fw2)" 0
	becomes fw2 lan 1 BACKUP
	! has_address fw2 || fail "fw2 has the new address"
	is "the state of fw1" "$(state fw1 lan 1)" MASTER
}

step "who says no at the beginning changes nothing"
printf 'no\n' | ctl fw2 apply --guided --yes > "$CASE/aborted" 2>&1 && fail "a walk that was given up exits 0"
as_before
step "who says no in the middle, or goes away, finds the node as it was"
printf 'yes\nno\n' | ctl fw2 apply --guided --yes > "$CASE/aborted" 2>&1 && fail "a walk that was given up exits 0"
as_before
printf 'yes\n' | ctl fw2 apply --guided --yes > "$CASE/aborted" 2>&1 && fail "a walk that was given up exits 0"
as_before

step "both nodes, in the order of the manual"
: > "$CASE/two"
both_masters() {
	while [ -e "$CASE/two" ]; do
		if in_state fw1 lan 1 MASTER && in_state fw2 lan 1 MASTER; then echo two >> "$CASE/two"; fi
	done
}
both_masters &
remember_process $!
# Each step is asked for, and answered when its time has come.
mkfifo "$CASE/answers"
ctl fw2 apply --guided --yes < "$CASE/answers" > "$CASE/guided.fw2" 2>&1 &
GUIDED=$!
exec 3> "$CASE/answers"
echo yes >&3
wait_for 20 "fw2 to have the address" has_address fw2
is "the state of fw2" "$(state fw2 lan 1)" INIT
printf 'yes\nyes\n' | ctl fw1 apply --guided --yes > "$CASE/guided.fw1" 2>&1 || { cat "$CASE/guided.fw1"; fail "the guided apply on fw1 failed"; }
has_address fw1 || fail "fw1 has no new address"
is "the state of fw1" "$(state fw1 lan 1)" MASTER
echo yes >&3
exec 3>&-
wait "$GUIDED" || { cat "$CASE/guided.fw2"; fail "the guided apply on fw2 failed"; }
becomes fw2 lan 1 BACKUP
is "allow" "$(on fw2 sysctl -n net.inet.carp.allow)" 1
stays 4 fw1 lan 1 MASTER
two=$(wc -l < "$CASE/two" | tr -d ' ')
rm "$CASE/two"
is "times at which both were MASTER" "$two" 0
