#!/bin/sh
# The linker for rustc: zig's, which carries the start files and libraries of every platform.
# ZIG is the program; NETSVC_ZIG_TARGET and NETSVC_ZIG_FLAGS say what to link for.
set -eu
count=$#
while [ "$count" -gt 0 ]; do
  argument=$1
  shift
  count=$((count - 1))
  case $argument in
    --target=*) ;; # rustc's name of the platform; zig has its own
    # zig's unwinder is linked in: libgcc_s.so.1 is then not needed, which small images lack.
    -lgcc_s | -lgcc_eh) set -- "$@" -lunwind ;;
    # zig adds them itself.
    -lgcc | -lc | -nodefaultlibs | -nostartfiles | */self-contained/* | *crt1.o | *crti.o | *crtn.o | *crtbegin*.o | *crtend*.o) ;;
    *) set -- "$@" "$argument" ;;
  esac
done
# shellcheck disable=SC2086 # several flags in one variable
exec "$ZIG" cc -g0 -target "$NETSVC_ZIG_TARGET" ${NETSVC_ZIG_FLAGS:-} "$@"
