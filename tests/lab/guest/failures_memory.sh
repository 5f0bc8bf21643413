#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Pages go bad for good (MADV_HWPOISON) under weights and under blocks of a cache; the same programs
# as on the host, where the kernel only pretends.
set -uo pipefail
. /lab/guest/check.sh
export PATH=$PATH:/opt/terrace/tests/lab TERRACE_TEST_POISON=hardware TERRACE_TEST_FILE=/tmp/weights
export XDG_CACHE_HOME=/tmp XDG_CONFIG_HOME=/tmp

weights() { head -c 20983865 /dev/urandom >/tmp/weights; }
figure() { grep -o "\"$1\":[0-9]*" /tmp/status | head -n 1 | cut -d : -f 2; }
placed() { terrace run --policy interleave --file-threshold 1M --status /tmp/status -- memory_error_program "$1"; }

weights
export TERRACE_TEST_OTHER_NODE=1
check 'lost pages of weights are read again, from another node' placed clean_weights_are_read_again
check_equal 'memory errors counted' 4 "$(figure memory_errors)"
check_equal 'none was passed on' 0 "$(figure memory_errors_not_mended)"
check_equal 'bytes read again' 16384 "$(figure reread_bytes)"
check 'threads on one lost page' placed threads_on_one_lost_page
check_equal 'each page counted once' 200 "$(figure memory_errors)"
check 'a lost page in a fork child' placed child_reads_again
check 'system calls on a lost page' placed system_calls_on_a_lost_page
check 'written weights are passed on' placed written_weights_are_passed_on
check 'a changed file is passed on' placed changed_file_is_passed_on
check_equal 'the signal was passed on' 1 "$(figure memory_errors_not_mended)"
weights
check 'a changed file ends a program without a handler' placed changed_file_ends_the_program
check 'lost blocks of a cache are reported' watched_memory_test --gtest_filter='*Lost*'
check 'the kernel retired pages' test "$(awk '/HardwareCorrupted/ { print $2 }' /proc/meminfo)" -gt 40
checks_done
