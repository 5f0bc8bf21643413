# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The steps of run.sh. Each is a function step_NAME that fails where the step does; the last line
# that it prints is its result. To be sourced after root.sh.

all_steps=(user-refused user-demo root-tests root-lab root-packages installed quick-start tutorial)
all_roots=(refused user root installed)
person=ada   # the ordinary user
filter='^(Lint|Planner|PlanJson|HeatMap|Session|TextReport|TierFile|KvCache|KvBadInput|capi|Web|Status)'
filter+='|^consumer|^Terrace\.BehavesFromOutside|^preload\.(tool|same_output\.shim_passing)\.'

describe_steps() {
  cat <<TEXT
  user-refused   an ordinary user without sudo: both commands name all packages and end with 3
  user-demo      an ordinary user with sudo: bench/demo.sh, of one model and few tokens (demo.json)
  root-tests     root: tests/run.sh --no-lab -R of a part, see lib/steps.sh
  root-lab       root: one machine of the tier lab, for which QEMU comes from backports
  root-packages  root: the Debian packages by cpack, in DIR/packages
  installed      these packages in a fresh root: what apt brings, and that all is found
  quick-start    docs/quick-start.md as installed, from its second section on
  tutorial       docs/tutorial.md as installed, likewise, on user-demo's engine; fewer tokens
TEXT
}

is_step() { [[ " ${all_steps[*]} " == *" $1 "* ]]; }

run_step() { "step_${1//-/_}"; }

# with_ccache NAME: the compiler cache there, when asked for. It only saves time.
with_ccache() {
  if [ -z "$ccache" ] || [ -e "$roots/$1/root/usr/bin/ccache" ]; then return; fi
  enter "$1" root sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends ccache'
}

# user_root NAME: a root with an ordinary user, who has a clone.
user_root() {
  fresh_root "$1"
  if [ ! -d "$roots/$1/root/home/$person" ]; then
    enter "$1" root useradd --create-home --shell /bin/bash "$person"
  fi
  clone_into "$1" "/home/$person/terrace"
}

# as_person NAME COMMAND: the user's, in the clone.
as_person() { enter "$1" "$person" bash -c "cd ~/terrace && $2"; }

# refused COMMAND: it ends with 3 and prints one command that installs all that it needs.
refused() {
  local status=0 said
  said=$(as_person refused "$1" 2>&1) || status=$?
  printf '%s\n%s\nexit status %s\n' "\$ $1" "$said" "$status"
  [ "$status" -eq 3 ]
  [ "$(grep -c '^Install them with: ' <<<"$said")" -eq 1 ]
}

step_user_refused() {
  user_root refused
  refused 'bench/demo.sh --quick'
  refused 'tests/run.sh --no-lab'
  refused 'tests/run.sh'
  printf 'all three end with 3 and say what to install\n'
}

step_user_demo() {
  user_root user
  enter user root sh -c 'command -v sudo >/dev/null ||
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends sudo; }'
  printf '%s ALL=(ALL) NOPASSWD: ALL\n' "$person" >"$roots/user/root/etc/sudoers.d/$person"
  with_ccache user
  as_person user 'set -o pipefail; bench/demo.sh --quick --json --config tests/roots/demo.json | tee demo.txt'
  as_person user 'tail -n 1 demo.txt | node -e "JSON.parse(require(\"fs\").readFileSync(0))"'
  printf 'tables, and a line of JSON\n'
}

root_root() {
  fresh_root root
  clone_into root /root/terrace
  with_ccache root
}

in_root() { enter root root bash -ec "cd ~/terrace; $1"; }

step_root_tests() {
  root_root
  in_root "tests/run.sh --no-lab -R '$filter'"
}

# lab_refused: without the right to install, as an ordinary user sees it.
lab_refused() {
  local status=0
  enter root root sh -c "id $person >/dev/null 2>&1 || useradd --create-home $person"
  clone_into root "/home/$person/terrace"
  enter root "$person" bash -c 'cd ~/terrace && tests/lab/run.sh --prepare' || status=$?
  printf 'exit status %s\n' "$status"
  [ "$status" -eq 3 ]
}

step_root_lab() {
  root_root
  if enter root root sh -c 'command -v qemu-system-x86_64'; then
    printf 'skipped: the refusal, since an earlier run has installed QEMU here\n'
  else
    lab_refused
  fi
  in_root 'tests/lab/run.sh --test hbm-dram-cxl'
}

# install_block N: the nth block of commands of docs/install.md.
install_block() {
  awk -v n="$1" '/^```sh/ { on = ++seen == n; next } /^```/ { on = 0 } on' "$root/docs/install.md"
}

step_root_packages() {
  local there=$roots/root/root/root/terrace/build/packages file
  root_root
  rm -rf "$there"/*.deb "$roots/packages"
  in_root "$(install_block 1)"
  mkdir -p "$roots/packages"
  cp "$there"/*.deb "$roots/packages"
  for file in "$roots"/packages/*.deb; do
    dpkg-deb --field "$file" Package Version Depends
    [ -n "$(dpkg-deb --field "$file" Depends)" ]
  done
  [ "$(find "$roots/packages" -name '*.deb' | wc -l)" -eq 4 ]
  printf 'four packages\n'
}

installed_root() {
  local there=$roots/installed/root packages=$roots/installed/root/root/build/packages file names=()
  fresh_root installed
  mkdir -p "$there/root/inside"
  if [ -d "$packages" ] && ! diff -qr "$roots/packages" "$packages"; then
    # Of the same version, so that apt would leave the earlier ones.
    for file in "$packages"/*.deb; do names+=("$(dpkg-deb --field "$file" Package)"); done
    enter installed root dpkg --purge "${names[@]}"
    rm -r "$packages"
  fi
  mkdir -p "$packages"
  cp "$roots"/packages/*.deb "$packages"
  cp "$root"/tests/roots/inside/*.sh "$there/root/inside"
  enter installed root sh -c "cd && apt-get update -qq && $(install_block 2)"
}

step_installed() {
  installed_root
  enter installed root bash /root/inside/installed.sh
}

step_quick_start() {
  installed_root
  enter installed root bash /root/inside/follow.sh quick-start
}

# The engine and its model come as somebody's own program would.
step_tutorial() {
  local from=$roots/user/root/home/$person/terrace/build to=$roots/installed/root/opt/engine
  installed_root
  rm -rf "$to"
  mkdir -p "$to"
  cp "$from/release/engine/llama_decode" "$to"
  cp -rL "$from/release/engine/libraries" "$to/libraries"
  cp "$(find "$from" -name '1b-*.gguf' | head -n 1)" "$to/model.gguf"
  enter installed root bash /root/inside/follow.sh tutorial
}
