// SPDX-License-Identifier: Apache-2.0
// make_flat PATH [FOLDER | --late | --emulated | --recorded SESSION]: the flat file for the test
// programs under the real shim: one tier of ordinary memory of node 0, or, with FOLDER, 64 MiB of
// it shared out evenly with files below the folder; a low threshold. Everything is placed at once,
// or, with --late, when it has lived a while; --emulated shares it out with an emulated tier,
// --recorded observes all of it.
#include <cstdio>
#include <cstring>

#include "tiering/plan/flat_writer.h"

int main(int argc, char** argv) {
  using namespace terrace;
  const bool recorded = argc == 4 && std::strcmp(argv[2], "--recorded") == 0;
  if (argc != 2 && argc != 3 && !recorded) {
    std::fputs("usage: make_flat PATH [FOLDER | --late | --emulated | --recorded SESSION]\n",
               stderr);
    return 2;
  }
  Tier tier;
  tier.name = "dram";
  tier.kind = TierKind::kDram;
  tier.nodes = {NodeId(0)};
  tier.capacity = {GiB(8), Provenance::kUserFile};
  tier.read_bandwidth = {GBps(10), Provenance::kUserFile};
  tier.idle_latency = {Nanoseconds(100), Provenance::kUserFile};
  Topology topology;
  topology.machine_id = "0123456789abcdef";
  topology.tiers = {tier};
  plan::RuntimeOptions options;
  const bool late = argc == 3 && std::strcmp(argv[2], "--late") == 0;
  const bool emulated = argc == 3 && std::strcmp(argv[2], "--emulated") == 0;
  if (emulated) {
    tier.name = "emulated";
    tier.kind = TierKind::kCxl;
    tier.backing = BackingKind::kEmulatedLink;
    topology.tiers.push_back(tier);
    options.policy = runtime::DefaultPolicy::kInterleave;
  } else if (recorded) {
    options.record = true;
    options.session_path = argv[3];
  } else if (argc == 3 && !late) {
    topology.tiers[0].capacity.value = MiB(64);
    tier.name = "folder";
    tier.kind = TierKind::kFile;
    tier.backing = BackingKind::kDax;
    tier.nodes.clear();
    tier.path = argv[2];
    tier.mapping_unit = KiB(4);
    topology.tiers.push_back(tier);
    options.policy = runtime::DefaultPolicy::kInterleave;
  }
  options.threshold = options.mmap_threshold = options.file_threshold = KiB(64);
  options.materialize = runtime::Materialize::kAlways;
  if (!late) options.late_size = Bytes(0);
  const Status written = plan::write_flat(argv[1], topology, nullptr, options);
  if (!written) std::fprintf(stderr, "%s\n", written.error().message);
  return written ? 0 : 1;
}
