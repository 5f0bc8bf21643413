#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# report.sh TERRACE MAKE_SESSION [PICTURES]: the page of `terrace report --html` in headless
# Chromium, light and dark, without a network: no error on the console, each view drawn, sorting,
# filtering, hovering and keys work; a session of an hour makes a page below 5 MB. With PICTURES,
# report-light.png and report-dark.png are written into that folder. Exits 77 when Chromium or the
# chart library is missing.
set -u
terrace=$1
make_session=$2
pictures=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/web/browser.sh
. "$here/browser.sh"

# page NAME SECONDS [SEEN]: the page of a made-up session.
page() {
  local code=0
  "$make_session" "$work/$1.session" "${@:2}" || fail "$1: no session"
  (cd "$work" && "$terrace" report "$1.session" --html "$1.html") >"$work/text" 2>"$work/err" || code=$?
  if [ "$code" -eq 3 ] && grep -q 'no HTML pages' "$work/err"; then
    echo 'skipped: this build has no chart library (npm)'
    exit 77
  fi
  checks=$((checks + 2))
  [ "$code" -eq 0 ] || fail "$1: exit code $code: $(cat "$work/err")"
  ! grep -qE '(src|href)="(https?:)?//' "$work/$1.html" || fail "$1: loads something"
}

# look NAME SCHEME CHARTS: opens the page with the actions and checks what came of them.
look() {
  { cat "$work/$1.html"; echo '<script>'; cat "$here/report_actions.js"; echo '</script>'; } \
    >"$work/acted.html"
  browse "$work/dom" "$(scheme_flag "$2")" --dump-dom "file://$work/acted.html"
  local name value
  for name in paint sort-by-name sort-down sort-by-heat written sources filter filter-nothing hover leave keys \
    toggle paint-again; do
    value=$(sed -nE "s/.*data-did-$name=\"([^\"]*)\".*/\1/p" "$work/dom" | head -1)
    checks=$((checks + 1))
    [ "$value" = yes ] || fail "$1, $2: $name: ${value:-not done}"
  done
  value=$(sed -nE 's/.*data-charts-drawn="([0-9]+)".*/\1/p' "$work/dom" | head -1)
  checks=$((checks + 2))
  [ "${value:-none}" = "$3" ] || fail "$1, $2: ${value:-no} of $3 charts drawn"
  checks=$((checks + 1))
  ! grep -q 'class="warning"' "$work/dom" || fail "$1, $2: a warning although heat was seen"
  if grep -q 'data-errors=' "$work/dom" || grep -q 'CONSOLE' "$work/log"; then
    fail "$1, $2: $(grep -o 'data-errors="[^"]*"' "$work/dom"; grep CONSOLE "$work/log")"
  fi
}

page minute 60
look minute light 5
look minute dark 5
for scheme in light dark; do
  [ -n "$pictures" ] || break
  browse "$work/none" "$(scheme_flag "$scheme")" --window-size=1400,2900 --hide-scrollbars \
    --screenshot="$pictures/report-$scheme.png" "file://$work/minute.html"
done

# Zero heat because nobody looked, or looked in vain, is told as such and not as a figure. What is
# drawn in one scheme is drawn in the other, as above: each once, since a browser takes 5 s to start.
warns() { # warns SESSION SCHEME WARNING
  local warning
  page "$1" 20 "$1"
  browse "$work/dom" "$(scheme_flag "$2")" --dump-dom "file://$work/$1.html"
  warning=$(sed -nE 's/.*class="warning" role="alert">(.*)<\/p><div class="facts">.*/\1/p' "$work/dom")
  checks=$((checks + 4))
  case $warning in
    *"$3"*) ;;
    *) fail "$1, $2: the warning above the facts is: ${warning:-none}" ;;
  esac
  ! grep -q '0 B/s</b>' "$work/dom" || fail "$1, $2: unknown heat is told as 0"
  grep -q 'unknown</b>' "$work/dom" || fail "$1, $2: no word of unknown heat"
  if grep -q 'data-errors=' "$work/dom" || grep -q 'CONSOLE' "$work/log"; then
    fail "$1, $2: $(grep -o 'data-errors="[^"]*"' "$work/dom"; grep CONSOLE "$work/log")"
  fi
}
warns no-window light 'nothing was observed: no window of an access source counted'
warns no-touch dark 'saw no touch of any object'

# A session too short for a step and without moves: the empty views say what to run.
page short 2
browse "$work/dom" "$(scheme_flag light)" --dump-dom "file://$work/short.html"
checks=$((checks + 2))
grep -q 'class="empty">Nothing moved' "$work/dom" || fail 'short: no word on the lack of moves'
! grep -q 'data-errors=' "$work/dom" || fail "short: $(grep -o 'data-errors="[^"]*"' "$work/dom")"

# Time is downsampled: an hour costs no more than minutes do.
page hour 3600
checks=$((checks + 1))
bytes=$(stat -c %s "$work/hour.html")
[ "$bytes" -lt 5000000 ] || fail "hour: the page has $bytes bytes"
look hour light 5
echo "hour: $bytes bytes, opened and used in $(sed -nE 's/.*data-open-ms="([0-9]+)".*/\1/p' \
  "$work/dom" | head -1) ms"

echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
