// SPDX-License-Identifier: Apache-2.0
// A split recording of two processes, whole: what the fuzz programs damage. Allocates.
#pragma once

#include <string>
#include <vector>

#include "tests/fuzz/good_session.h"
#include "tests/unit/session/packed_builder.h"
#include "tests/unit/session/session_builder.h"

namespace terrace::fuzz {

/// Each file holds: object 1 in all of them, which moves between two, object 2 that ends within the
/// first, 3 that is born in the second and whose end lies in no file. The last file is packed and
/// begins with another process.
inline std::vector<std::string> good_segments() {
  using namespace session;
  const auto begin = [](std::uint32_t number, double at_s, std::uint32_t carried) {
    SessionBuilder file;
    file.process(42, 1).segment(number, at_s, carried);
    file.tier("fast").tier("slow", BackingKind::kEmulatedLink);
    return file;
  };
  SessionBuilder first = begin(1, 0, 0);
  first.module(0, "/nonexistent/libengine.so", 0x7f0000000000);
  first.object(1, {0, 1, 0}, 0, {{0, 0, 0x1234}}).object(2, {1}, 0.5);
  first.source(SourceKind::kPresentBits, 0);
  for (int second = 1; second < 4; ++second) {
    first.heat(1, SourceKind::kPresentBits, second, second + 1, 0.1, {3, 0, 4});
    first.heat(2, SourceKind::kLinkFaults, second, second + 1, 1, {7});
    first.step(second + 1, 0.05, 20);
  }
  first.object_end(2, 4).continued(2, 4).end();

  SessionBuilder second = begin(2, 4, 1);
  second.module(0, "/nonexistent/libengine.so", 0x7f0000000000);
  second.object(1, {0, 0, 0}, 0, {{0, 0, 0x1234}}).source(SourceKind::kPresentBits, 0);
  second.step(4, 0.05, 20).object(3, {0, 1}, 4.5, {}, "/models/m.gguf");
  second.heat(1, SourceKind::kPresentBits, 4, 5, 0.1, {5, 1, 2});
  second.chunk(ChunkKind::kPlacement, PlacementRecord{1, 3}, std::string(3, '\1'));
  second.heat(3, SourceKind::kPresentBits, 5, 6, 0.1, {2, 2});
  second.continued(3, 6).end();
  ObjectNames names;
  names.object = 3;
  names.file = {"/models/m.gguf", 1, 2, 3, 4};
  names.ranges = {
      {"blk.0.ffn_up.weight", MemoryClass::kExpert, 0, kBlockBytes, 95, NamedHow::kOrderAndSize}};
  second.process(42, 1).raw_chunk(static_cast<std::uint32_t>(ChunkKind::kNames),
                                  encode_names(names));

  SessionBuilder last;
  last.process(43, 42, 1).segment(1, 1).tier("fast").object(1, {0, 0}, 1.5);
  last.heat(1, SourceKind::kPresentBits, 6, 7, 0.1, {5, 6}).end();
  last.process(42, 1).segment(3, 6, 1).tier("fast").tier("slow", BackingKind::kEmulatedLink);
  last.object(1, {1, 1, 1}, 0).heat(1, SourceKind::kPresentBits, 6, 7, 0.1, {1, 1, 1});
  last.object_end(1, 7).end();
  return {first.bytes(), second.bytes(), packed_session(last.bytes(), 300)};
}

/// As segments_input() takes them: one behind the other.
inline std::string joined(const std::vector<std::string>& files) {
  std::string bytes;
  for (const std::string& file : files) bytes += file;
  return bytes;
}

}  // namespace terrace::fuzz
