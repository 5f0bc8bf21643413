#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# exports.sh LIBRARY GOLDEN: fails when what the library exports, with its version, is not the list.
# What stands in the list may never go; what is new is added to it on purpose.
set -euo pipefail
diff -u "$2" <(nm -D --defined-only --format=posix "$1" | cut -d' ' -f1 | sed 's/@@/ /' | LC_ALL=C sort)
echo "the exports are those of $2"
