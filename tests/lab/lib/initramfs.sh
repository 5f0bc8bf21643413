# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The guest's root file system, in three cpio archives that the kernel unpacks one after the other:
# the base (busybox, kernel modules, tools, init) and the build's programs with their libraries, each
# made once and kept in the build folder, and the payload of one run (more programs that its machine
# wants, the tests, the command). To be sourced.

# The order of loading is init's affair; this says what has to be there, with what it needs.
lab_modules=(cxl_acpi cxl_pci cxl_mem dax_cxl device_dax kmem nfit nd_pmem dax_pmem hwpoison-inject)
lab_programs=(busybox bash ndctl daxctl mkfs.ext4)

# copy_file SOURCE ROOT [PLACE]: one file under ROOT, links followed, without debug information.
copy_file() {
  local source=$1 target="$2${3:-$1}"
  [ -e "$target" ] && return 0
  mkdir -p "${target%/*}"
  strip --strip-debug -o "$target" "$source" 2>/dev/null || cp -L "$source" "$target"
  chmod u+w "$target"
}

# copy_program SOURCE ROOT [PLACE]: with the libraries it loads, at the paths where ldd finds them.
copy_program() {
  local library
  copy_file "$@"
  # A static program has none, and ldd says so with a failure.
  for library in $( (ldd "$1" 2>/dev/null || true) | grep -o '/[^ ]*'); do
    case $library in *:) continue ;; esac
    copy_file "$library" "$2"
  done
}

# pack ROOT ARCHIVE
pack() {
  (cd "$1" && find . -mindepth 1 -print0 | sort -z |
    cpio --null --create --quiet --format=newc --owner=0:0) >"$2"
}

# base_archive LAB KERNEL: prints the archive's path. The name carries what it was made from, so a
# change of any part makes a new one.
base_archive() {
  local lab=$1 kernel=$2 key archive stage
  key=$( (kernel_release "$kernel" && cat "$lab_folder/lib/initramfs.sh" "$lab_folder"/guest/init* &&
    type -P "${lab_programs[@]}" | xargs stat -L -c "%n %s %Y") | sha256sum | cut -c 1-16)
  archive="$lab/base-$key.cpio"
  if [ ! -e "$archive" ]; then
    rm -rf "$lab"/base.*   # of a run that was killed while it made one
    stage=$(mktemp -d "$lab/base.XXXXXX")
    fill_base "$stage/root" "$kernel"
    pack "$stage/root" "$stage/archive"
    rm -f "$lab"/base-*.cpio
    mv "$stage/archive" "$archive"
    rm -rf "$stage"
  fi
  printf '%s\n' "$archive"
}

fill_base() {
  local root=$1 kernel=$2 name
  mkdir -p "$root"/{bin,lib,lib64,usr,proc,sys,dev,tmp,run,root,mnt,etc,lab}
  # One folder of programs under all its names: the kernel itself calls /sbin/modprobe.
  ln -s bin "$root/sbin"
  ln -s ../bin "$root/usr/bin"
  ln -s ../bin "$root/usr/sbin"
  ln -s ../lib "$root/usr/lib"
  ln -s ../lib64 "$root/usr/lib64"
  for name in "${lab_programs[@]}"; do
    copy_program "$(type -P "$name")" "$root" "/bin/$name"
  done
  for name in $("$root/bin/busybox" --list); do
    [ -e "$root/bin/$name" ] || ln -s busybox "$root/bin/$name"
  done
  ln -s /proc/self/mounts "$root/etc/mtab"
  printf 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
  cp "$lab_folder"/guest/init* "$root/"
  chmod 755 "$root/init"
  copy_modules "$root" "$kernel"
}

# Modules go in unpacked: unpacking xz in an emulated machine costs seconds.
copy_modules() {
  local root=$1 kernel=$2 release name file
  release=$(kernel_release "$kernel")
  [ -e "$kernel/lib/modules/$release/modules.dep" ] || depmod -b "$kernel" "$release"
  for name in "${lab_modules[@]}"; do
    # Without the host's own settings: ndctl's hide libnvdimm behind a command.
    modprobe --config /dev/null --dirname "$kernel" --set-version "$release" --show-depends "$name"
  done | sed -n 's/^insmod //p' | sort -u | while read -r file; do
    file=${file%% *}
    name=lib/modules/${file##*/lib/modules/}
    mkdir -p "$root/${name%/*}"
    case $file in
      *.xz) xz -dc "$file" >"$root/${name%.xz}" ;;
      *) cp "$file" "$root/$name" ;;
    esac
  done
  cp "$kernel/lib/modules/$release"/modules.{order,builtin,builtin.modinfo} \
    "$root/lib/modules/$release/"
  depmod -b "$root" "$release"
}

# build_programs BUILD: what every machine gets of it.
build_programs() {
  local program
  for program in "$1"/terrace "$1"/libterrace*.so* "$1"/tests/lab/*; do
    if [ -f "$program" ] && [ -x "$program" ]; then printf '%s\n' "$program"; fi
  done
}

# programs_archive BUILD LAB: prints the archive's path. To strip and pack them took 6 s of each
# machine's start; the name carries which they are, so that a new build makes a new one. So does an
# installed library: the loader's cache is written then.
programs_archive() {
  local build=$1 lab=$2 key archive stage program
  key=$( (cat "$lab_folder/lib/initramfs.sh" && build_programs "$build" | xargs -d '\n' stat -L -c '%n %s %y' &&
    (stat -c '%s %y' /etc/ld.so.cache || true)) | sha256sum | cut -c 1-16)
  archive="$lab/programs-$key.cpio"
  if [ ! -e "$archive" ]; then
    rm -rf "$lab"/programs.*   # of a run that was killed while it made one
    stage=$(mktemp -d "$lab/programs.XXXXXX")
    # Paths that were compiled in, as of the preload library, hold in the guest as well.
    mkdir -p "$stage/root/opt/terrace/tests/lab" "$stage/root${build%/*}"
    ln -s /opt/terrace "$stage/root$build"
    build_programs "$build" | while read -r program; do
      copy_program "$program" "$stage/root" "/opt/terrace${program#"$build"}"
    done
    pack "$stage/root" "$stage/archive"
    rm -f "$lab"/programs-*.cpio
    mv "$stage/archive" "$archive"
    rm -rf "$stage"
  fi
  printf '%s\n' "$archive"
}

# payload_archive BUILD RUN FILE: what this run brings along; RUN/lab already holds its command.
payload_archive() {
  local build=$1 run=$2 file=$3 root="$2/payload" program
  mkdir -p "$root/lab/lib"
  for program in ${machine[programs]}; do
    pack_program "$program" "$build" "$root"
  done
  cp -r "$lab_folder/guest" "$lab_folder/expected" "$root/lab/"
  cp "$lab_folder/lib/machine.sh" "$root/lab/lib/"
  cp "$file" "$root/lab/machine"
  basename "$file" .machine >"$root/lab/name"
  cp "$run/command" "$root/lab/"
  pack "$root" "$run/payload.cpio"
  rm -rf "$root"
}

pack_program() {
  local name=$1 build=$2 root=$3 found
  if [[ $name == */* ]]; then
    [ -x "$build/$name" ] || { printf 'The machine wants %s: build it first.\n' "$build/$name" >&2; return 3; }
    copy_program "$build/$name" "$root" "/opt/terrace/$name"
    return
  fi
  found=$(type -P "$name") || { printf 'The machine wants the program %s: not found here.\n' "$name" >&2; return 3; }
  copy_program "$found" "$root" "/bin/$name"
  # Even `use strict` is a file.
  if [ "$name" = perl ]; then
    found=$(perl -e 'print grep { m{/perl-base$} } @INC')
    mkdir -p "$root${found%/*}"
    cp -r "$found" "$root$found"
  fi
}
