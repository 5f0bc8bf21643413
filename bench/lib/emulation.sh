# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Emulated tiers need userfaultfd for faults in the kernel, which not everybody may have: said, or
# mended by sudo, before anything is built or measured. To be sourced after packages.sh.

# emulation_permitted STATUS SYSCTL DEVICE: by CAP_SYS_PTRACE (bit 19), to everybody, or by the
# device; the files are those of /proc and /dev, in this order.
emulation_permitted() {
  local effective
  effective=$(sed -n 's/^CapEff:[[:space:]]*//p' "$1")
  if (((16#$effective >> 19) & 1)); then return; fi
  if [ ! -e "$2" ] || [ "$(cat "$2")" = 1 ]; then return; fi
  [ -r "$3" ] && [ -w "$3" ]
}

# with_emulation SCRIPT ARGUMENT...: returns where emulated tiers are permitted. Elsewhere, where
# sudo works, goes on as the script once more: the same user, with that one capability and huge
# pages meanwhile, without which a tier can be slower than asked. Else 3.
with_emulation() {
  if emulation_permitted /proc/self/status /proc/sys/vm/unprivileged_userfaultfd /dev/userfaultfd; then
    return
  fi
  if [ "$(id -u)" -ne 0 ] && [ -z "${TERRACE_BY_SUDO:-}" ] && can_be_root; then
    printf 'starting again by sudo with CAP_SYS_PTRACE and huge pages, for emulated tiers\n' >&2
    local environment
    mapfile -d '' environment < <(env -0)
    exec sudo -n "$BASH" "$(dirname "${BASH_SOURCE[0]}")/by_sudo.sh" \
      /proc/sys/vm/nr_overcommit_hugepages setpriv --reuid "$(id -u)" --regid "$(id -g)" --init-groups \
      --inh-caps +sys_ptrace --ambient-caps +sys_ptrace \
      env "${environment[@]}" TERRACE_BY_SUDO=1 "$BASH" "$@"
  fi
  printf 'Emulated tiers need userfaultfd for faults in the kernel, which this user may not have. One of:\n' >&2
  printf '  %s\n' 'run as root' 'sudo without a password: the same user is then given CAP_SYS_PTRACE' \
    'make /dev/userfaultfd accessible' 'set vm.unprivileged_userfaultfd=1' >&2
  return 3
}
