// SPDX-License-Identifier: Apache-2.0
// one_tier_flat PATH CAPACITY_MIB: the flat file that makes the shim place everything from its
// default thresholds on into the memory of node 0: what `terrace run` writes on a machine of one
// tier if it placed there at all. So the shim's whole way is measured where there is no second
// tier.
#include <cstdio>
#include <cstdlib>

#include "tiering/plan/flat_writer.h"

int main(int argc, char** argv) {
  using namespace terrace;
  const std::uint64_t mib = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 0;
  if (mib == 0) {
    std::fputs("usage: one_tier_flat PATH CAPACITY_MIB\n", stderr);
    return 2;
  }
  Tier tier;
  tier.name = "dram";
  tier.kind = TierKind::kDram;
  tier.nodes = {NodeId(0)};
  tier.capacity = {MiB(mib), Provenance::kUserFile};
  tier.read_bandwidth = {GBps(1), Provenance::kUserFile};  // one tier: no share depends on it
  tier.idle_latency = {Nanoseconds(100), Provenance::kUserFile};
  Topology topology;
  topology.machine_id = "0000000000000000";
  topology.tiers = {tier};
  const Status written = plan::write_flat(argv[1], topology, nullptr, plan::RuntimeOptions());
  if (!written) std::fprintf(stderr, "%s\n", written.error().message);
  return written ? 0 : 1;
}
