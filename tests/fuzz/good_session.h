// SPDX-License-Identifier: Apache-2.0
// A session with every kind of chunk, whole: what the fuzz programs damage. Allocates.
#pragma once

#include <cstdint>
#include <string>

#include "profiler/session/names_chunk.h"
#include "tests/unit/session/session_builder.h"

namespace terrace::fuzz {

inline session::SessionBuilder good_session() {
  using namespace session;
  SessionBuilder builder;
  builder.tier("fast").tier("slow", BackingKind::kEmulatedLink);
  builder.module(0, "/nonexistent/libengine.so", 0x7f0000000000);
  builder.object(1, {0, 1, 0, 1, 0}, 0, {{0, 0, 0x1234}, {UINT32_MAX, 0, 99}});
  builder.object(2, {1, 1}, 0.5, {}, "/models/m.gguf");
  builder.source(SourceKind::kPresentBits, 0).source(SourceKind::kReferencedBits, 4096);
  for (int second = 1; second < 5; ++second) {
    builder.heat(1, SourceKind::kWriteTracking, second, second + 1, 0.1, {512, 0, 0, 7, 0});
    builder.heat(1, SourceKind::kPresentBits, second, second + 1, 0.1, {3, 0, 4, 2, 9});
    builder.heat(1, SourceKind::kLinkFaults, second, second + 1, 1, {0, 20, 0, 21, 0});
    builder.heat(2, SourceKind::kReferencedBits, second, second + 1, 0.5, {700});
    builder.step(second + 1, 0.05, 20);
    builder.chunk(ChunkKind::kCost, CostRecord{SessionBuilder::at(second + 1), 5, 6, 7, 8, 6});
  }
  builder.chunk(ChunkKind::kPlacement, PlacementRecord{2, 2}, std::string(2, '\0'));
  builder.heat(2, SourceKind::kPresentBits, 5, 6, 0.1, {1, 2});
  builder.object_end(2, 5).end();
  ObjectNames names;
  names.object = 1;
  names.file = {"/models/m.gguf", 1, 2, 3, 4};
  names.ranges = {
      {"blk.0.ffn_up_exps.weight[1]", MemoryClass::kExpert, 0, kBlockBytes, 95,
       NamedHow::kOrderAndSize},
      {"kv cache 0", MemoryClass::kKv, 3 * kBlockBytes.value, Bytes(77), 90, NamedHow::kSiteRule}};
  builder.raw_chunk(static_cast<std::uint32_t>(ChunkKind::kNames), encode_names(names));
  // Another process, with the same numbers for other things, and the first one again.
  builder.process(43, 42, 1).tier("slow", BackingKind::kEmulatedLink);
  builder.object(1, {0, 0}, 1.5).heat(1, SourceKind::kLinkFaults, 2, 3, 1, {5, 6});
  builder.step(3, 0.5, 2).end();
  builder.process(42, 1).raw_chunk(static_cast<std::uint32_t>(ChunkKind::kNames),
                                   encode_names(names));
  return builder;
}

}  // namespace terrace::fuzz
