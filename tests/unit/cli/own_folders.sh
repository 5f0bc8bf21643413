# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A folder $work that goes with the script, and nothing of the user's own settings. To be sourced.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work/tmp XDG_CONFIG_HOME=$work/config XDG_CACHE_HOME=$work/cache
unset XDG_RUNTIME_DIR TERRACE_CONF TERRACE_PLAN_FILE TERRACE_PRELOAD LD_PRELOAD
mkdir -p "$TMPDIR"
