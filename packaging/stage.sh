#!/bin/sh
# Lays out below STAGE what a package holds: what `make install` installs, with manual pages compressed as in every package.
#
# usage: stage.sh STAGE [BUILT]
set -eu
cd "$(dirname "$0")/.."
stage=$1
built=${2:-}

rm -rf "$stage"
make install PREFIX=/usr/local DESTDIR="$stage" BUILT="$built"
find "$stage/usr/local/share/man" -type f -exec gzip -9n {} +
