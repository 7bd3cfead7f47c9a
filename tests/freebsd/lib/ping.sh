# How long a VIP does not answer.

# ping_start NODE ADDRESS: 100 a second, until ping_gap.
ping_start() {
	jexec "$P.$1" ping -n -i 0.01 "$2" > "$CASE/ping" 2>&1 &
	PING=$!
	wait_for 10 "an answer of $2" grep -q 'icmp_seq=' "$CASE/ping"
}

ping_heard() {
	[ "$(grep -c icmp_seq= "$CASE/ping")" -ge "$1" ]
}

# Goes on until so many more have been answered.
ping_more() {
	wait_for 20 "$1 more answers" ping_heard $(($(grep -c icmp_seq= "$CASE/ping") + $1))
}

# ping_gap: ends the ping; the longest run of unanswered ones in ms in $GAP, all of them in $LOST, doubled ones in $DOUBLED.
ping_gap() {
	kill -INT "$PING"
	wait "$PING" || true
	# shellcheck disable=SC2046 # three numbers
	set -- $(sed -n 's/.*icmp_seq=\([0-9]*\).*/\1/p' "$CASE/ping" | awk '
		($1 in seen) { doubled++; next }
		{ seen[$1]; if (first == "") first = $1; if ($1 > last) last = $1 }
		END {
			for (i = first; i <= last; i++)
				if (i in seen) run = 0
				else { lost++; if (++run > longest) longest = run }
			print longest * 10, lost + 0, doubled + 0
		}')
	# shellcheck disable=SC2034 # for the cases
	GAP=$1 LOST=$2 DOUBLED=$3
}
