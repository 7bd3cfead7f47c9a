# Run inside the switch: sh -s P NODE SEGMENT... connects the node with each segment.
# One script for all of it, because starting a program is what takes the time.

set -e
p=$1 node=$2
shift 2
for segment; do
	a=$(ifconfig epair create)
	b=${a%a}b
	# The checksums are computed in software, or a packet looks corrupt to whoever reads it on the way.
	ifconfig "$a" -txcsum -txcsum6 2>/dev/null || true
	ifconfig "$b" -txcsum -txcsum6 2>/dev/null || true
	ifconfig "$a" name "$node$segment" up
	ifconfig "$b" name "$p$node$segment"
	ifconfig "$segment" addm "$node$segment"
	ifconfig "$p$node$segment" vnet "$node"
done
