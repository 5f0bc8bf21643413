#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# resident.sh LIBRARY: fails when a library that goes into other people's processes needs the C++
# runtime or any library besides libc.
set -euo pipefail
library=$1
bad=0

needed=$(readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
for name in $needed; do
  case $name in
    libc.so.6 | ld-linux-*.so.*) ;;
    *) echo "$library needs $name; it may need libc only"; bad=1 ;;
  esac
done

symbols=$(nm -DC --undefined-only "$library")
[ -n "$symbols" ] || { echo "$library: nm shows no undefined symbol, so nothing was checked"; exit 2; }
if runtime=$(grep -E ' (std::|operator (new|delete)|__cxa_(throw|begin_catch|guard|allocate|rethrow|pure)|__gxx_|typeinfo|vtable|__dynamic_cast)' <<<"$symbols"); then
  echo "$library uses the C++ runtime:"
  echo "$runtime"
  bad=1
fi
exit "$bad"
