# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The lab's own tests: which machines there are, and all their tests with one line for each. To be
# sourced after boot.sh.

machine_names() {
  local file
  for file in "$lab_folder"/machines/*.machine; do
    file=${file##*/}
    printf '%s\n' "${file%.machine}"
  done
}

list_machines() {
  local name
  for name in $(machine_names); do
    read_machine "$lab_folder/machines/$name.machine" || return 2
    printf '%-16s %s\n' "$name" "${machine[about]-}"
  done
}

# run_tests MACHINE: its test list, in one boot.
run_tests() {
  read_machine "$lab_folder/machines/$1.machine" || return 2
  # shellcheck disable=SC2086  # a list of names
  run_command "$1" bash /lab/guest/run_tests.sh ${machine[test]}
}

# run_all: every machine in turn. Each is a process of its own, so that nothing is carried over.
run_all() {
  local name output start passed failed verdict all_passed=0 all_failed=0
  local options=(--build "$build")
  if [ "$keep_log" = yes ]; then options+=(--keep-log); fi
  for name in $(machine_names); do
    start=$SECONDS verdict=pass
    output=$("$lab_folder/run.sh" "${options[@]}" --test "$name" 2>&1) || verdict=FAIL
    # The last line is the guest's own count, unless the machine never got that far.
    if [[ ${output##*$'\n'} =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
      passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]}
    else
      passed=0 failed=1
    fi
    if [ "$verdict" = FAIL ]; then printf '%s\n' "$output"; fi
    if [ "$verdict" = FAIL ] && [ "$failed" -eq 0 ]; then failed=1; fi
    printf '%-16s %s  %d passed, %d failed  %d s\n' "$name" "$verdict" "$passed" "$failed" $((SECONDS - start))
    all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed))
  done
  printf '%d passed, %d failed\n' "$all_passed" "$all_failed"
  [ "$all_failed" -eq 0 ]
}
