#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cxx_cost.sh OBJECT: fails when a function cxx_NAME of cxx_cost.cc has more machine code than
# c_NAME. Cold parts, which only errors reach, are symbols of their own and do not count.
set -euo pipefail
nm --print-size --radix=d --defined-only "$1" | awk '
  $4 ~ /^c_[a-z_]+$/   { c[substr($4, 3)] = $2 + 0 }
  $4 ~ /^cxx_[a-z_]+$/ { cxx[substr($4, 5)] = $2 + 0 }
  END {
    for (name in c) {
      ++pairs
      printf "%-12s C %3d bytes, C++ %3d bytes\n", name, c[name], cxx[name]
      if (!(name in cxx) || cxx[name] > c[name]) { print "costs more in C++: " name; bad = 1 }
    }
    if (pairs == 0) { print "no pair was found"; bad = 1 }
    exit bad
  }'
