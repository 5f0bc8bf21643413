# SPDX-License-Identifier: Apache-2.0
# shim.sh's table: for each program and heap the median of the rounds' ratios, since the two runs of
# a round lie side by side and the machine drifts from round to round, with the spread (half the range
# between the quartiles over the median); and geometric means; from lines "MODE HEAP PROGRAM CPU_SECONDS PEAK_RSS_KIB" (first file) and
# "MODE PAIR NANOSECONDS" (second).
function median(list,   count, sorted, i, j, swap) {
  count = split(list, sorted, " ")
  for (i = 2; i <= count; ++i)
    for (j = i; j > 1 && sorted[j - 1] + 0 > sorted[j] + 0; --j) {
      swap = sorted[j]; sorted[j] = sorted[j - 1]; sorted[j - 1] = swap
    }
  low = sorted[int((count + 3) / 4)]; high = sorted[int((3 * count + 3) / 4)]
  return count % 2 ? sorted[(count + 1) / 2] : (sorted[count / 2] + sorted[count / 2 + 1]) / 2
}
function spread(middle) { return middle > 0 ? (high - low) / 2 / middle : 0 }
function ratio(what, heap, program, top,   a, b, i, count, list, middle) {
  count = split(figure[what, "alone", heap, program], b, " ")
  if (split(figure[what, top, heap, program], a, " ") < count) return 0  # it failed in a round
  for (i = 1; i <= count; ++i) list = list " " (b[i] > 0 ? a[i] / b[i] : 0)
  middle = median(list)
  noise = spread(middle)
  return middle
}
FNR == NR {
  figure["cpu", $1, $2, $3] = figure["cpu", $1, $2, $3] " " $4
  if (++times[$1, $2, $3] > rounds) rounds = times[$1, $2, $3]
  figure["rss", $1, $2, $3] = figure["rss", $1, $2, $3] " " $5
  if (!($3 in seen)) { seen[$3] = 1; program[++programs] = $3 }
  if (!($2 in known)) { known[$2] = 1; heap[++heaps] = $2 }
  next
}
{
  pair[$1, $2] = pair[$1, $2] " " $3
  if (!($2 in paired)) { paired[$2] = 1; name[++pairs] = $2 }
}
END {
  printf "CPU time, Terrace over a heap / that heap alone (+- spread); last: libmemtier / glibc\n"
  printf "%-16s", "program"
  for (h = 1; h <= heaps; ++h) printf " %16s", heap[h]
  printf " %10s\n", "memtier"
  for (p = 1; p <= programs; ++p) {
    printf "%-16s", program[p]
    for (h = 1; h <= heaps; ++h) {
      r = ratio("cpu", heap[h], program[p], "with")
      printf "    %5.3f +- %4.1f%%", r, noise * 100
      if (r > 0) { sum[heap[h]] += log(r); ++number[heap[h]] }
      if (r > 0 && program[p] !~ /^(growing_arrays|staging)$/) { small[heap[h]] += log(r); ++smalls[heap[h]] }
      if (r > worst) { worst = r; worst_name = program[p] " over " heap[h] }
      told = sprintf("{\"program\":\"%s\",\"heap\":\"%s\",\"cpu\":%.4f,\"cpu_spread\":%.4f", program[p], heap[h], r, noise)
      m = ratio("rss", heap[h], program[p], "with")
      if (r > 0 && m > 0) list = list (list == "" ? "" : ",") told sprintf(",\"rss\":%.4f}", m)
      if (m > 0) { rss += log(m); ++rss_number }
      if (m > worst_rss) { worst_rss = m; worst_rss_name = program[p] " over " heap[h] }
    }
    t = ratio("cpu", "glibc", program[p], "memtier")
    if (t > 0) { memtier += log(t); ++memtier_number; printf " %10.3f\n", t } else printf " %10s\n", "failed"
  }
  printf "%-16s", "geometric mean"
  for (h = 1; h <= heaps; ++h) printf " %16.3f", exp(sum[heap[h]] / number[heap[h]])
  printf " %10.3f\n", memtier_number ? exp(memtier / memtier_number) : 0
  printf "%-16s", "without large"
  for (h = 1; h <= heaps; ++h) printf " %16.3f", smalls[heap[h]] ? exp(small[heap[h]] / smalls[heap[h]]) : 0
  printf "\n"
  printf "worst CPU ratio %.3f (%s)\n", worst, worst_name
  printf "peak resident memory: geometric mean %.3f, worst %.3f (%s)\n", exp(rss / rss_number), worst_rss, worst_rss_name
  added = -1e9
  for (i = 1; i <= pairs; ++i) {
    d = median(pair["with", name[i]]) - median(pair["alone", name[i]])
    printf "%-36s %+.2f ns\n", name[i], d
    if (d > added) added = d
  }
  if (!json) exit
  printf "{\"cpu_geomean\":{"
  for (h = 1; h <= heaps; ++h) printf "%s\"%s\":%.3f", (h > 1 ? "," : ""), heap[h], exp(sum[heap[h]] / number[heap[h]])
  printf "},\"cpu_geomean_without_large\":{"
  for (h = 1; h <= heaps; ++h) if (smalls[heap[h]]) printf "%s\"%s\":%.3f", (h > 1 ? "," : ""), heap[h], exp(small[heap[h]] / smalls[heap[h]])
  printf "},\"memtier_over_glibc\":%.3f,\"pair_ns_added\":%.2f,\"rss_geomean\":%.3f,\"rounds\":%d,\"programs\":[%s]}\n", memtier_number ? exp(memtier / memtier_number) : 0, added, exp(rss / rss_number), rounds, list
}
