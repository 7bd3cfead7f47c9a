#!/bin/sh
# Lays out below STAGE what a package holds: what `make install` installs, with manual pages compressed as in every package.
#
# usage: stage.sh STAGE [BUILT]
set -eu
cd "$(dirname "$0")/.."
stage=$1
built=${2:-}

rm -rf "$stage"
# A make that runs this may not be the one that is called, and would hand its own settings down.
unset MAKEFLAGS MAKELEVEL MFLAGS
make install PREFIX=/usr/local DESTDIR="$stage" BUILT="$built"
find "$stage/usr/local/share/man" -type f -exec gzip -9n {} +
