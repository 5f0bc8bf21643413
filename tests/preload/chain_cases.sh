#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# chain_cases.sh SHIM ALLOCATOR PROGRAM: runs all cases of a test program under another allocator
# alone and under the shim in front of it. Allocators differ from glibc in corners of their own; the
# shim must not add one: what passes without it has to pass with it.
set -u
shim=$1
allocator=$2
program=$3

passed() { grep '^ok ' | awk '{ print $2 }' | sort; }
alone=$(TERRACE_TEST_THRESHOLD='' TERRACE_EXPECT_OBJECTS='' LD_PRELOAD=$allocator "$program" 2>/dev/null | passed)
chained=$(LD_PRELOAD=$shim:$allocator "$program" 2>&1 | tee /dev/stderr | passed)
[ -n "$alone" ] || { echo "no case passes under $allocator alone"; exit 1; }
lost=$(comm -23 <(echo "$alone") <(echo "$chained"))
echo "passed alone: $(wc -l <<<"$alone"), with the shim in front: $(wc -l <<<"$chained")"
[ -z "$lost" ] || { echo "lost by the shim: $lost"; exit 1; }
