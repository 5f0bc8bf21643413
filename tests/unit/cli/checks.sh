# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Checks on the built executable from outside. To be sourced, with $terrace and the folder $work set.
failures=0
checks=0

fail() {
  failures=$((failures + 1))
  echo "FAILED: $1"
  sed 's/^/  stdout: /' "$work/out"
  sed 's/^/  stderr: /' "$work/err"
}

# expect CODE NAME ARGUMENTS...: runs terrace, keeps its output in $work/out and $work/err.
expect() {
  local code=$1 name=$2 got=0
  shift 2
  "$terrace" "$@" >"$work/out" 2>"$work/err" </dev/null || got=$?
  checks=$((checks + 1))
  [ "$got" -eq "$code" ] || fail "$name: exit code $got, expected $code"
}
says() {
  checks=$((checks + 1))
  grep -qF -- "$1" "$work/err" || fail "standard error lacks: $1"
}
prints() {
  checks=$((checks + 1))
  grep -qF -- "$1" "$work/out" || fail "standard output lacks: $1"
}
# By an extended regular expression.
prints_like() {
  checks=$((checks + 1))
  grep -qE -- "$1" "$work/out" || fail "standard output has nothing like: $1"
}
silent() {
  checks=$((checks + 1))
  [ ! -s "$work/$1" ] || fail "$2: output on std$1"
}
exists() {
  checks=$((checks + 1))
  [ -s "$1" ] || fail "no file, or an empty one: $1"
}
# finish: the last line, and the exit code.
finish() {
  echo "$checks checks, $failures failed"
  [ "$failures" -eq 0 ]
}
