# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Minimal Debian roots: made, given this machine's way to its packages, entered, removed. To be
# sourced; needs $root, $roots, $mirror, $release, $ccache.

# apt_sources: `URI SUITE COMPONENT` of this machine's entries for the release, without backports: a
# fresh machine has none.
apt_sources() {
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v r="$release" '$2 == r || $2 == r "-updates" || $2 == r "-security"' | sort -u
}

machine_mirror() { apt_sources | awk -v r="$release" '$2 == r { print $1; exit }'; }

# copy_file FILE ROOT: to the same place there, where there is such a file here.
copy_file() {
  if [ ! -f "$1" ]; then return; fi
  mkdir -p "$2$(dirname "$1")"
  cp -L "$1" "$2$1"
}

# make_base: what debootstrap makes, once; every root is a copy of it.
make_base() {
  if [ -e "$roots/base/complete" ]; then return; fi
  rm -rf "$roots/base"
  mkdir -p "$roots/base"
  debootstrap --variant=minbase "$release" "$roots/base/root" "$mirror"
  touch "$roots/base/complete"
}

# give_access ROOT: how this machine reaches packages. It is no part of what is tested, nor is
# dpkg's leave not to wait for the disk after each file, nor apt's to ask nobody.
give_access() {
  local to=$1 file
  apt_sources | sed 's/^/deb /' >"$to/etc/apt/sources.list"
  {
    printf 'APT::Get::Assume-Yes "true";\n'
    apt-config dump | grep -E '^Acquire::(http|https|Check-)' || true
  } >"$to/etc/apt/apt.conf.d/90machine"
  printf 'force-unsafe-io\n' >"$to/etc/dpkg/dpkg.cfg.d/90machine"
  for file in /etc/apt/auth.conf /etc/apt/auth.conf.d/* /etc/apt/keyrings/* /etc/apt/trusted.gpg.d/* \
    /etc/resolv.conf /etc/hosts /usr/local/share/ca-certificates/* /etc/npmrc /usr/etc/npmrc \
    "${NODE_EXTRA_CA_CERTS:-}" "$(npm config get cafile 2>/dev/null || true)"; do
    copy_file "$file" "$to"
  done
}

# one_at_a_time NAME: two steps at once in one root would build over each other.
one_at_a_time() {
  exec {root_lock}>"$roots/$1.lock"
  flock "$root_lock"
}

# fresh_root NAME: its own copy of the base, unless it is there from an earlier step.
fresh_root() {
  one_at_a_time base
  make_base
  exec {root_lock}>&-
  one_at_a_time "$1"
  if [ -e "$roots/$1/complete" ]; then return; fi
  remove_root "$1"
  mkdir -p "$roots/$1"
  cp -a --reflink=auto "$roots/base/root" "$roots/$1/root"
  give_access "$roots/$1/root"
  touch "$roots/$1/complete"
}

# remove_root NAME: what is mounted there is so in a namespace of its own, never seen from here.
remove_root() { rm -rf --one-file-system "${roots:?}/$1"; }

# clone_into ROOT FOLDER: the project as it is committed.
clone_into() {
  local there=$roots/$1/root$2 commit
  commit=$(git -C "$root" rev-parse HEAD)
  if [ ! -d "$there/.git" ]; then git clone --quiet --no-hardlinks "$root" "$there"; fi
  git -c safe.directory="$there" -C "$there" fetch --quiet "$root" "$commit"
  git -c safe.directory="$there" -C "$there" checkout --quiet --detach "$commit"
  chown -R --reference="$(dirname "$there")" "$there"
  printf 'commit %s\n' "$commit"
}

# enter NAME USER COMMAND...: COMMAND in that root, in mount and process namespaces of its own, so
# that mounts and processes are gone when it ends, or this script does, whatever ended it.
enter() {
  local there=$roots/$1/root user=$2 home=/root
  shift 2
  if [ "$user" != root ]; then home=/home/$user; fi
  local environment=(HOME="$home" USER="$user" LOGNAME="$user" TERM=dumb
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin) name
  for name in http_proxy https_proxy no_proxy NODE_EXTRA_CA_CERTS; do
    if [ -n "${!name:-}" ]; then environment+=("$name=${!name}"); fi
  done
  if [ -n "$ccache" ]; then
    # The cache tells objects apart by the locale too.
    environment+=(CCACHE_DIR=/ccache CCACHE_UMASK=000 CCACHE_NOHASHDIR=1 CCACHE_BASEDIR="$home"
      CCACHE_MAXSIZE=20G CMAKE_CXX_COMPILER_LAUNCHER=ccache
      ${LANG:+"LANG=$LANG"} ${LC_ALL:+"LC_ALL=$LC_ALL"})
  fi
  # shellcheck disable=SC2016  # expanded by the shell in there
  unshare --mount --pid --fork --kill-child --propagation private bash -c '
    set -e
    there=$1 ccache=$2 user=$3
    shift 3
    mount -t proc proc "$there/proc"
    mount --rbind /sys "$there/sys"
    mount --rbind /dev "$there/dev"
    if [ -n "$ccache" ]; then
      mkdir -p "$there/ccache"
      mount --bind "$ccache" "$there/ccache"
    fi
    status=0
    chroot --userspec="$user:$user" "$there" env -i "$@" || status=$?
    exit "$status"' enter "$there" "$ccache" "$user" "${environment[@]}" "$@" </dev/null
}
