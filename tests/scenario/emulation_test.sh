#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# bench/lib/emulation.sh: who may emulate tiers, from the files that tell, and what is said and done
# where nobody may.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# shellcheck source=../../bench/lib/emulation.sh
. "$here/../../bench/lib/emulation.sh"
fails() { printf 'emulation_test.sh: %s\n' "$1"; exit 1; }
permitted() { emulation_permitted "$scratch/status" "$scratch/sysctl" "$scratch/device"; }

printf 'Name:\tx\nCapEff:\t0000000000000000\n' >"$scratch/status"
echo 0 >"$scratch/sysctl"
if permitted; then fails 'permitted to nobody, and it says yes'; fi
printf 'CapEff:\t0000000000080000\n' >"$scratch/status"
permitted || fails 'CAP_SYS_PTRACE'
printf 'CapEff:\t000001fffff7ffff\n' >"$scratch/status"
if permitted; then fails 'all capabilities but the one'; fi
echo 1 >"$scratch/sysctl"
permitted || fails 'everybody'
echo 0 >"$scratch/sysctl"
: >"$scratch/device"
permitted || fails 'the device'

# Where none holds: sudo's command line, and without sudo what is needed.
emulation_permitted() { return 1; }
can_be_root() { return 0; }
id() { echo 1000; }
mkdir "$scratch/bin"
printf '#!%s\nprintf "%%s\\n" "$@"\n' "$BASH" >"$scratch/bin/sudo"
chmod +x "$scratch/bin/sudo"
(PATH=$scratch/bin:$PATH KEPT='two words' with_emulation script.sh --quick) >"$scratch/out" 2>"$scratch/said"
grep -qx '+sys_ptrace' "$scratch/out" || fails 'no capability'
grep -qx 'KEPT=two words' "$scratch/out" || fails 'the environment is lost'
[ "$(tail -n 2 "$scratch/out" | tr '\n' ' ')" = 'script.sh --quick ' ] || fails 'the arguments are lost'
status=0
(TERRACE_BY_SUDO=1 with_emulation script.sh) >"$scratch/out" 2>"$scratch/said" || status=$?
[ "$status" -eq 3 ] || fails "by sudo twice: status $status"
can_be_root() { return 1; }
status=0
(with_emulation script.sh) >"$scratch/out" 2>"$scratch/said" || status=$?
[ "$status" -eq 3 ] || fails "without sudo: status $status"
grep -q 'vm.unprivileged_userfaultfd=1' "$scratch/said" || fails 'does not say what to do'
# What sudo runs: its status, with the limit raised meanwhile, and given back less what others took.
by_sudo=$here/../../bench/lib/by_sudo.sh
echo 7 >"$scratch/limit"
status=0
# shellcheck disable=SC2016  # expanded by the shell that is started
"$by_sudo" "$scratch/limit" sh -c 'cat "$1"; exit 5' sh "$scratch/limit" >"$scratch/out" || status=$?
[ "$status" -eq 5 ] || fails "by_sudo.sh: status $status"
[ "$(cat "$scratch/out")" -gt 7 ] || fails 'no huge pages'
[ "$(cat "$scratch/limit")" -eq 7 ] || fails 'not given back'
# shellcheck disable=SC2016
"$by_sudo" "$scratch/limit" sh -c 'echo $(($(cat "$1") + 2)) >"$1"' sh "$scratch/limit"
[ "$(cat "$scratch/limit")" -eq 9 ] || fails 'what another added was taken'
mkfifo "$scratch/begun" "$scratch/never"
# shellcheck disable=SC2016
"$by_sudo" "$scratch/limit" sh -c 'echo >"$1"; exec cat "$2"' sh "$scratch/begun" "$scratch/never" &
read -r _ <"$scratch/begun"
kill $!
status=0
wait $! || status=$?
[ "$status" -eq 143 ] || fails "ended by a signal: status $status"
[ "$(cat "$scratch/limit")" -eq 9 ] || fails 'not given back after a signal'
echo 'emulation is asked for first'
