// SPDX-License-Identifier: Apache-2.0
// The sessions that the tests of export share. Allocates; not thread-safe.
#pragma once

#include <gtest/gtest.h>

#include "profiler/heat/timeline.h"
#include "tests/unit/session/session_builder.h"

namespace terrace::exporting {

/// Two tiers, the second an emulated link; object 1 over both, object 2 a file on the first that
/// moves to the second after two seconds.
inline session::SessionBuilder two_tier_session() {
  using session::SourceKind;
  session::SessionBuilder builder;
  builder.tier("fast").tier("slow, far", BackingKind::kEmulatedLink);
  builder.module(0, "/usr/bin/engine").module(1, "/lib/libengine.so", 0x7f0000000000);
  builder.object(1, {0, 0, 1}, 0, {{1, 0, 0x1235}, {0, 0, 0x401001}, {UINT32_MAX, 0, 99}});
  builder.object(2, {0}, 0.5, {}, "/models/\"m\",1.gguf");
  for (int second = 1; second < 5; ++second) {
    if (second == 3) {
      builder.chunk(session::ChunkKind::kPlacement, session::PlacementRecord{2, 1}, "\x01");
    }
    builder.heat(1, SourceKind::kPresentBits, second, second + 1, 0.5, {5, 5, 1});
    builder.heat(1, SourceKind::kLinkFaults, second, second + 1, 1, {0, 0, 20});
    builder.heat(2, second < 3 ? SourceKind::kPresentBits : SourceKind::kLinkFaults, second,
                 second + 1, 0.5, {2});
    builder.step(second + 1, 0.1, 20);
    const auto n = static_cast<std::uint64_t>(second);
    builder.chunk(session::ChunkKind::kCost,
                  session::CostRecord{session::SessionBuilder::at(second + 1), n * 10'000'000, n,
                                      n * 500'000'000, n * 1'000'000, n * 2'000'000'000});
  }
  const session::LookRecord looks[] = {
      {session::SessionBuilder::at(2), session::SessionBuilder::at(2.5), 1, 1500, 4000, 0},
      {session::SessionBuilder::at(3), session::SessionBuilder::at(4), 2, 700, 20, 0},
      {session::SessionBuilder::at(4), session::SessionBuilder::at(4), 99, 0, 0, 0}};
  builder.raw_chunk(static_cast<std::uint32_t>(session::ChunkKind::kLooks),
                    std::string(reinterpret_cast<const char*>(looks), sizeof looks));
  builder.end();
  return builder;
}

inline session::Session parsed(const session::SessionBuilder& builder) {
  const std::string& bytes = builder.bytes();
  auto session = session::parse_session(bytes.data(), bytes.size(), "test");
  EXPECT_TRUE(session) << session.error().message;
  return session ? *session : session::Session{};
}

}  // namespace terrace::exporting
