# Runs a scenario of the lab on this kernel: sh scenario.sh FILE, in the environment of case.sh.
#
# The lab tells what its model of the kernel goes through; here the same steps are taken, and every vhid of every node has to go through
# the same states in the same order. Times are not compared: a jail's demotion makes all MASTERs of the machine advertise at once, so that
# take-back is faster than between machines.

set -eu
: "${HERE:?}" "${WORK:?}" "${CASE:?}" "${P:?}"
. "$HERE/lib/base.sh"
. "$HERE/lib/cluster.sh"
. "$HERE/lib/carpd.sh"
. "$HERE/lib/events.sh"
. "$HERE/lib/steps.sh"

cd "$CASE"
trap 'end $?' EXIT
SCENARIO=$1
NAME=$(basename "$SCENARIO" .toml)

# timeline: the lab's report as lines "MILLISECONDS|NODE|KIND|TEXT".
timeline() {
	awk '
	/^  "timeline": \[/ { inside = 1; next }
	inside && /^  \]/ { exit }
	!inside { next }
	{ value = $0; sub(/^ *"[a-z]*": /, "", value); sub(/,$/, "", value) }
	/^      "at":/ { at = value }
	/^      "node":/ { node = value; gsub(/"/, "", node) }
	/^      "kind":/ { kind = value; gsub(/"/, "", kind) }
	/^      "text":/ {
		gsub(/^"|"$/, "", value)
		printf "%d|%s|%s|%s\n", at * 1000, node, kind, value
	}' "$CASE/lab.json"
}

"$CARPCTL" lab run --json "$SCENARIO" > "$CASE/lab.json" || fail "the lab itself does not hold $NAME"
timeline > "$CASE/timeline"
grep '|step|' "$CASE/timeline" > "$CASE/steps" || true

# A reason not to begin, rather than a half-done scenario.
why_not

step "the cluster of $NAME"
scenario_cluster
begin=$(head -1 "$CASE/steps" | cut -d '|' -f 1)
# Where nothing happens, the election alone is compared.
: "${begin:=999999999}"
sed -n 's/^\([0-9]*\)|\(.*\)|vhid|\([0-9]*\)@\([^ ]*\) /\1 \2 \3 \4 /p' "$CASE/timeline" > "$CASE/wanted"
awk '{ print $2, $3, $4 }' "$CASE/wanted" | sort -u > "$CASE/vhids"

# before MILLISECONDS NODE VHID SEGMENT: the state in the lab at that time.
before() {
	awk -v t="$1" -v n="$2" -v v="$3" -v s="$4" '$1 < t && $2 == n && $3 == v && $4 == s { state = $NF } END { print state }' "$CASE/wanted"
}

step "the state before the first step"
while read -r n v s; do
	[ "$(before "$begin" "$n" "$v" "$s")" = "" ] || becomes "$n" "$s" "$v" "$(before "$begin" "$n" "$v" "$s")"
done < "$CASE/vhids"
events_start

# differences MILLISECONDS: between what happened and what had happened in the lab by then.
differences() {
	awk -f "$HERE/lib/sequences.awk" -v begin="$begin" -v upto="$1" -v p="$P" "$CASE/wanted" "$CASE/devd"
}

agrees() {
	[ -z "$(differences "$1")" ]
}

steps=$(wc -l < "$CASE/steps")
i=0
while [ "$i" -lt "$steps" ]; do
	i=$((i + 1))
	line=$(sed -n "${i}p" "$CASE/steps")
	now=${line%%|*}
	next=$(sed -n "$((i + 1))p" "$CASE/steps" | cut -d '|' -f 1)
	[ -n "$next" ] || next=999999999
	line=${line#*|}
	step "${line%%|*}: ${line##*|}"
	take "${line%%|*}" "${line##*|}"
	# What follows at once belongs together.
	[ $((next - now)) -ge 1000 ] || continue
	until=$(($(date +%s) + 25))
	until agrees "$next" || [ "$(date +%s)" -gt "$until" ]; do sleep 0.2; done
	# A transition that the lab does not have takes up to 3.4 s to come.
	quiet=$(((next - now) / 1000))
	[ "$quiet" -le 4 ] || quiet=4
	until=$(($(date +%s) + quiet))
	while [ "$(date +%s)" -lt "$until" ]; do sleep 0.2; done
	agrees "$next" || fail "after \"${line##*|}\": $(differences "$next" | paste -s -d ';' -)"
done
if [ "$steps" -eq 0 ]; then
	until=$(($(date +%s) + 4))
	while [ "$(date +%s)" -lt "$until" ]; do sleep 0.2; done
	agrees "$begin" || fail "after the election: $(differences "$begin" | paste -s -d ';' -)"
fi
note "$((steps)) steps, $(wc -l < "$CASE/vhids" | tr -d ' ') vhids"
