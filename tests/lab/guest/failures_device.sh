#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A DAX device goes away under its mappings. The last test of its machine: the device is gone then.
set -uo pipefail
. /lab/guest/check.sh
export PATH=$PATH:/opt/terrace/tests/lab XDG_CACHE_HOME=/tmp XDG_CONFIG_HOME=/tmp
export TERRACE_TEST_FILE=/tmp/weights TERRACE_TEST_UNIT=2097152
figure() { grep -o "\"$1\":[0-9]*" /tmp/status | head -n 1 | cut -d : -f 2; }

head -c 6000000 /dev/urandom >/tmp/weights
cat >/tmp/tiers.toml <<'TEXT'
[[tier]]
name = "dram"
capacity = "2MiB"
[[tier]]
name = "expander"
kind = "cxl"
backing = "dax"
path = "/dev/dax0.0"
TEXT
check 'the program goes on without the device' terrace run --tiers /tmp/tiers.toml --policy first-touch \
  --late-size 0 --threshold 8M --file-threshold 1M --status /tmp/status -- memory_error_program device_is_unbound
check_equal 'blocks of weights read again' 2 "$(figure memory_errors)"
check_equal 'none of them was passed on' 0 "$(figure memory_errors_not_mended)"
check_equal 'bytes read again' 4194304 "$(figure reread_bytes)"
check 'the device is gone' test ! -e /sys/bus/dax/drivers/device_dax/dax0.0
checks_done
