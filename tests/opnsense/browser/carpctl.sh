#!/bin/sh
#
# SPDX-License-Identifier: BSD-2-Clause
#
# What the test server takes for /usr/local/sbin/carpctl: that of the lab's node, or a prepared answer to `status` and `history`.
for word in "$@"; do
	case $word in
	status | history)
		if [ -f "$CARPD_FILES/$word.json" ]; then exec cat "$CARPD_FILES/$word.json"; fi
		break ;;
	-*) ;;
	*) break ;;
	esac
done
if [ "$1" = lab ]; then exec "$CARPD_BUILT/carpctl" "$@"; fi
exec "$CARPD_BUILT/carpctl" --node "$CARPD_NODE" "$@"
