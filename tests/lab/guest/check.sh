# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# For test scripts of the lab, in bash or POSIX sh: source it, check, and end with `checks_done`.
#   check NAME COMMAND...          passes when COMMAND succeeds; its output shows when it fails
#   check_equal NAME WANT HAVE     passes when the two texts are the same

checks_passed=0
checks_failed=0

check() {
  check_name=$1
  shift
  if check_output=$("$@" 2>&1); then
    checks_passed=$((checks_passed + 1))
    printf 'ok   %s\n' "$check_name"
  else
    checks_failed=$((checks_failed + 1))
    printf 'FAIL %s: %s\n%s\n' "$check_name" "$*" "$check_output"
  fi
}

check_equal() {
  if [ "$2" = "$3" ]; then
    checks_passed=$((checks_passed + 1))
    printf 'ok   %s: %s\n' "$1" "$2"
  else
    checks_failed=$((checks_failed + 1))
    printf 'FAIL %s: want %s, have %s\n' "$1" "$2" "$3"
  fi
}

# The last line that a script prints; the script's status is this function's.
checks_done() {
  printf '%d passed, %d failed\n' "$checks_passed" "$checks_failed"
  [ "$checks_failed" -eq 0 ]
}
