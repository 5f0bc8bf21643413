// SPDX-License-Identifier: Apache-2.0
// Tables of CXL devices, and tables that are none.
#include "allocators/topology/cdat.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace terrace::cdat_test {
namespace {

std::string little(std::uint64_t value, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i, value >>= 8) bytes += static_cast<char>(value & 0xFF);
  return bytes;
}

std::string range(std::uint64_t handle, std::uint64_t flags) {
  return little(0, 1) + little(0, 1) + little(24, 2) + little(handle, 1) + little(flags, 1) +
         little(0, 2) + little(0, 8) + little(512 << 20, 8);
}

std::string figure(std::uint64_t handle, std::uint64_t flags, std::uint64_t type,
                   std::uint64_t base, std::uint64_t value) {
  return little(1, 1) + little(0, 1) + little(24, 2) + little(handle, 1) + little(flags, 1) +
         little(type, 1) + little(0, 1) + little(base, 8) + little(value, 2) + little(0, 6);
}

std::string table(const std::string& entries) {
  return little(16 + entries.size(), 4) + little(2, 1) + little(0, 11) + entries;
}

/// The figures of QEMU 10's type-3 device.
TEST(Cdat, GivesReadFiguresOfVolatileMemory) {
  const CdatFigures figures =
      parse_cdat(table(range(0, 0) + figure(0, 0, 1, 10000, 15) + figure(0, 0, 2, 10000, 25) +
                       figure(0, 0, 4, 1000, 16) + figure(0, 0, 5, 1000, 8)));
  ASSERT_TRUE(figures.read_latency && figures.read_bandwidth);
  EXPECT_EQ(figures.read_latency->value, 150u);
  EXPECT_DOUBLE_EQ(figures.read_bandwidth->value, 16);
}

TEST(Cdat, TakesTheWorstOfSeveralRanges) {
  const CdatFigures figures = parse_cdat(
      table(range(0, 0) + range(7, 0) + figure(7, 0, 1, 1000, 300) + figure(0, 0, 1, 1000, 200) +
            figure(7, 0, 4, 1000, 20) + figure(0, 0, 4, 1000, 10)));
  EXPECT_EQ(figures.read_latency->value, 300u);
  EXPECT_DOUBLE_EQ(figures.read_bandwidth->value, 10);
}

TEST(Cdat, LeavesOutPersistentRangesCachesAndUnknownHandles) {
  const CdatFigures figures =
      parse_cdat(table(range(1, 4) + range(0, 0) + figure(1, 0, 1, 1000, 300) +
                       figure(0, 1, 4, 1000, 20) + figure(9, 0, 4, 1000, 10)));
  EXPECT_FALSE(figures.read_latency);
  EXPECT_FALSE(figures.read_bandwidth);
}

TEST(Cdat, LeavesOutFiguresThatNoMemoryHas) {
  const CdatFigures figures = parse_cdat(
      table(range(0, 0) + figure(0, 0, 1, ~std::uint64_t{0}, 65535) + figure(0, 0, 4, 0, 5)));
  EXPECT_FALSE(figures.read_latency);
  EXPECT_FALSE(figures.read_bandwidth);
}

TEST(Cdat, SurvivesAnyBytes) {
  const std::string sound = table(range(0, 0) + figure(0, 0, 1, 1000, 150));
  for (std::size_t size = 0; size <= sound.size(); ++size)
    parse_cdat(std::string_view(sound).substr(0, size));
  const std::uint64_t seed = 20240607;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = round % 2 == 0 ? sound : std::string(random() % 200, '\0');
    for (int change = 0; change < 6 && !bytes.empty(); ++change)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    const CdatFigures figures = parse_cdat(bytes);
    if (figures.read_bandwidth) {
      EXPECT_LE(figures.read_bandwidth->value, 1e4);
    }
    if (figures.read_latency) {
      EXPECT_LE(figures.read_latency->value, 10000000u);
    }
  }
}

}  // namespace
}  // namespace terrace::cdat_test
