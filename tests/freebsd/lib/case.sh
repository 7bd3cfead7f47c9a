# Runs one case: sh case.sh FILE. The environment has HERE, WORK, CASE, P, CARPD, CARPCTL.
# Exit status: 0 held, 77 skipped, anything else failed; the reason is in $CASE/why.

set -eu
: "${HERE:?}" "${WORK:?}" "${CASE:?}" "${P:?}"
. "$HERE/lib/base.sh"
. "$HERE/lib/cluster.sh"
. "$HERE/lib/carpd.sh"
. "$HERE/lib/ping.sh"
. "$HERE/lib/events.sh"
. "$HERE/lib/trace.sh"
. "$HERE/lib/timing.sh"
. "$HERE/lib/handover.sh"
. "$HERE/lib/tunnel.sh"

cd "$CASE"
trap 'end $?' EXIT
# shellcheck disable=SC1090 # a case
. "$1"
