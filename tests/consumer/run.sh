#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [BUILD]: installs the build, of the preset release where none is named, into a folder of its
# own and builds a C and a C++ program against it each way: find_package, pkg-config, and the Debian
# packages unpacked into an empty root. So are the KV-cache's two programs of
# docs/examples/kv_guide.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
build=$(realpath "${1:-$here/../../build/release}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
guide=$here/../../docs/examples/kv_guide
# run FOLDER: the programs there, each in C and in C++.
run() {
  "$1/c_program"
  "$1/cxx_program"
  for program in kv_c kv_cxx; do
    "$1/$program" >"$scratch/$program.txt"
    grep -q '^96 tokens were there,   4 computed' "$scratch/$program.txt"
  done
  cmp "$scratch/kv_c.txt" "$scratch/kv_cxx.txt"
}
# compile FOLDER FLAGS...: them, into the folder.
compile() {
  local folder=$1
  mkdir -p "$folder"
  gcc -std=c11 -Wall -Wextra -Werror "$here/program.c" -o "$folder/c_program" "${@:2}"
  gcc -std=c11 -Wall -Wextra -Werror "$guide/start.c" -o "$folder/kv_c" "${@:2}"
  g++ -std=c++20 -Wall -Wextra -Werror "$here/program.cc" -o "$folder/cxx_program" "${@:2}"
  g++ -std=c++20 -Wall -Wextra -Werror "$guide/start.cc" -o "$folder/kv_cxx" "${@:2}"
}
prefix=$scratch/prefix
libraries=$(sed -n 's/^CMAKE_INSTALL_LIBDIR:[A-Z]*=//p' "$build/CMakeCache.txt")

for component in library dev tools preload; do
  cmake --install "$build" --prefix "$prefix" --component "$component" >"$scratch/install.txt"
done

echo "== find_package"
mkdir "$scratch/project"
cp "$here/program.c" "$here/program.cc" "$guide/start.c" "$guide/start.cc" "$scratch/project"
cat >"$scratch/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES C CXX)
find_package(Terrace 0.1 REQUIRED COMPONENTS library preload tools)
find_package(Terrace QUIET COMPONENTS nonsense)
if(Terrace_FOUND)
  message(FATAL_ERROR "a component that is not there was found")
endif()
find_package(Terrace 0.1 REQUIRED)
add_executable(c_program program.c)
add_executable(kv_c start.c)
set_target_properties(c_program kv_c PROPERTIES C_STANDARD 11)
add_executable(cxx_program program.cc)
add_executable(kv_cxx start.cc)
foreach(program c_program cxx_program kv_c kv_cxx)
  target_link_libraries(${program} PRIVATE Terrace::terrace)
endforeach()
END
cmake -G Ninja -S "$scratch/project" -B "$scratch/project/build" -DCMAKE_PREFIX_PATH="$prefix" \
  >"$scratch/configure.txt"
cmake --build "$scratch/project/build" >"$scratch/build.txt"
run "$scratch/project/build"

# The KV-cache's examples, as somebody who has only the install would build them.
for example in kv_guide kv_server; do
  cmake -S "$here/../../docs/examples/$example" -B "$scratch/$example" \
    -DCMAKE_PREFIX_PATH="$prefix" >>"$scratch/configure.txt"
  cmake --build "$scratch/$example" >>"$scratch/build.txt"
done
"$scratch/kv_guide/kv_start" >"$scratch/kv_start.txt"
cmp "$scratch/kv_start.txt" "$scratch/kv_c.txt"
"$scratch/kv_server/kv_server" --help | grep -q '^usage: kv_server'

echo "== pkg-config"
export PKG_CONFIG_PATH=$prefix/$libraries/pkgconfig
read -ra flags <<<"$(pkg-config --cflags --libs terrace)"
compile "$scratch/pkg-config" "${flags[@]}"
LD_LIBRARY_PATH=$prefix/$libraries run "$scratch/pkg-config"

echo "== tools and preload library"
"$prefix/bin/terrace" topo --json >"$scratch/topo.json"
"$prefix/bin/terrace" run -- true
wall=(wall --model llama3-70b --quant q4_k_m --machine xeon-8460y+ --context 4k)
"$prefix/bin/terrace" "${wall[@]}" >"$scratch/wall.txt"   # finds the catalogue
grep -q 'complete -F _terrace terrace' "$prefix/share/bash-completion/completions/terrace"
[ -s "$prefix/share/man/man1/terrace.1" ]
"$prefix/libexec/terrace/known_heat" --help >"$scratch/help.txt"
# The documents that messages name, and that those link to.
for file in README.md CHANGELOG.md LICENSE docs/quick-start.md docs/adr/0003-tier-file.md \
  docs/examples/kv_guide/start.c; do
  cmp "$here/../../$file" "$prefix/share/doc/terrace/$file"
done
# Each public header and each page of the library.
for file in "$here"/../../*/include/terrace/*; do
  cmp "$file" "$prefix/include/terrace/$(basename "$file")"
done
for file in "$here"/../../docs/*.3; do
  cmp "$file" "$prefix/share/man/man3/$(basename "$file")"
done

echo "== Debian packages"
# Where nothing finds out what the programs need, cpack must not go on.
needs=$here/../../tiering/packaging/cpack_needs.cmake
nothing_found=(-DCMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH=OFF -DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF)
if cmake -DCPACK_GENERATOR=DEB "${nothing_found[@]}" -P "$needs" 2>"$scratch/needs.txt"; then exit 1; fi
grep -q 'needs dpkg-shlibdeps, of the Debian package dpkg-dev' "$scratch/needs.txt"
(cd "$build" && cpack -G DEB -B "$scratch/packages" >"$scratch/cpack.txt")
# An empty root of dpkg's own. What they depend on is here and not there, hence --force-depends;
# that each of those is a package of this machine is checked.
mkdir -p "$scratch/root/var/lib/dpkg/info" "$scratch/root/var/lib/dpkg/updates"
touch "$scratch/root/var/lib/dpkg/status"
packages=()
for package in libterrace1 libterrace-dev terrace-tools terrace-preload; do
  file=$(ls "$scratch"/packages/"$package"_*.deb)
  dpkg-deb --field "$file" Package Version Depends
  packages+=("$file")
  for needed in $(dpkg-deb --field "$file" Depends | tr ',' '\n' | sed 's/(.*//; s/|.*//'); do
    case $needed in libterrace1 | terrace-preload) continue ;; esac
    dpkg-query --show "$needed" >"$scratch/needed.txt"
  done
done
# Their scripts run ldconfig, which must not see this machine.
mkdir "$scratch/bin"
printf '#!/bin/sh\necho "$*" >>"%s/ldconfig.txt"\n' "$scratch" >"$scratch/bin/ldconfig"
chmod +x "$scratch/bin/ldconfig"
in_root=(env PATH="$scratch/bin:$PATH:/usr/sbin:/sbin" dpkg --root="$scratch/root"
  --log=/dev/null --force-not-root --force-depends --force-script-chrootless)
"${in_root[@]}" --install "${packages[@]}" >"$scratch/dpkg.txt" 2>&1 || {
  cat "$scratch/dpkg.txt"
  exit 1
}
root=$scratch/root/usr
diff -r "$prefix/include/terrace" "$root/include/terrace"
diff -r "$prefix/share/man/man3" "$root/share/man/man3"
diff -r "$prefix/share/doc" "$root/share/doc"
compile "$scratch/debian" -I"$root/include" -L"$root/$libraries" -lterrace
LD_LIBRARY_PATH=$root/$libraries run "$scratch/debian"
"$root/bin/terrace" run -- true
"$root/bin/terrace" "${wall[@]}" >"$scratch/wall.txt"
"${in_root[@]}" --purge libterrace1 libterrace-dev terrace-tools terrace-preload \
  >"$scratch/dpkg.txt" 2>&1
left=$(find "$scratch/root" -path "$scratch/root/var" -prune -o -type f -print)
[ -z "$left" ] || {
  echo "left behind by the packages: $left"
  exit 1
}
echo "all consumers were built and ran"
