#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# follow.sh DOCUMENT: runs what an installed document tells its reader to, from its second section
# on (the first is the build). A block of toml becomes tiers.toml; blocks of sh are run as they
# stand, but for fewer tokens. Those after a run in the background are typed while it lasts.
set -euo pipefail
document=/usr/share/doc/terrace/docs/$1.md
work=$(mktemp -d)
cd "$work"
mkdir blocks

# One file for each block, numbered, its ending the language.
awk '/^## 2\./ { on = 1 } /^## (Your own|What to do)/ { on = 0 }
  on && /^```(sh|toml)$/ { name = sprintf("blocks/%02d.%s", ++n, substr($0, 4)); next }
  /^```/ { name = "" }
  name != "" { print > name }' "$document"
[ -n "$(ls blocks)" ]

# What the first section leaves behind, as installed.
if [ "$1" = quick-start ]; then PATH=$PATH:/usr/libexec/terrace; fi
if [ "$1" = tutorial ]; then
  # shellcheck disable=SC2034  # the blocks' name for it
  decode='llama_decode --model /opt/engine/model.gguf --backends /opt/engine/libraries --mmap off --warmup 8'
  export LD_LIBRARY_PATH=/opt/engine/libraries
  PATH=$PATH:/opt/engine
fi

# run FILE: a verify that finds the times off on a busy machine is no fault of the document's, as
# long as the blocks lie where they were planned.
run() {
  local status=0
  printf '\n$ %s\n' "$(cat "$1")"
  # Not left of ||, where what fails before the block's last command is passed over.
  set +e
  # shellcheck source=/dev/null
  (set -e; . "$1") >output.txt
  status=$?
  set -e
  cat output.txt
  if [ "$status" -eq 1 ] && grep -q '^terrace verify' "$1"; then
    grep -q '100.0 % of their blocks as planned' output.txt || return 1
  elif [ "$status" -ne 0 ]; then
    return "$status"
  fi
}

# watched: the program that runs in the background, once it answers with all its objects. How many it
# has is told to those alone who ask.
watched() {
  local pid
  until pid=$(terrace status | awk '$2 >= 4 && $5 == "answers" { print $1; exit }') && [ -n "$pid" ]; do
    kill -0 "$background" || return 1
    sleep 0.5
  done
  printf '%s' "$pid"
}

background=
count=0
for file in blocks/*; do
  sed -i -E 's/--tokens 250/--tokens 60/; s/--tokens 100/--tokens 24/; /^(PATH=|bash -c)/d' "$file"
  if [ "${file##*.}" = toml ]; then cp "$file" tiers.toml; continue; fi
  count=$((count + 1))
  if [ -n "$background" ] && grep -q PID "$file"; then
    pid=$(watched)
    sed -i "s/PID/$pid/" "$file"
  fi
  if [ -n "$background" ] && grep -q '^terrace verify' "$file"; then
    wait "$background"
    background=
  fi
  if grep -q 'terrace run .*--record .*[$]decode' "$file"; then
    printf '\n$ %s &\n' "$(cat "$file")"
    # shellcheck source=/dev/null
    . "$file" &
    background=$!
    continue
  fi
  run "$file"
done
if [ -n "$background" ]; then wait "$background"; fi
printf '%s blocks of %s.md\n' "$count" "$1"
