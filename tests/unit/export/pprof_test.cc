// SPDX-License-Identifier: Apache-2.0
// Profiles are read back with a decoder of the tests' own: zlib's gunzip and the wire format.
#include <gtest/gtest.h>
#include <zlib.h>

#include <map>
#include <set>

#include "profiler/export/export.h"
#include "tests/unit/export/export_sessions.h"

namespace terrace::exporting::pprof_test {
namespace {

struct Field {
  std::uint32_t number = 0;
  std::uint64_t integer = 0;
  std::string bytes;
};

class WireReader {
 public:
  explicit WireReader(const std::string& bytes) : bytes_(bytes) {}
  bool next(Field& field) {
    if (at_ == bytes_.size()) return false;
    const std::uint64_t tag = varint();
    field = {static_cast<std::uint32_t>(tag >> 3), 0, {}};
    if ((tag & 7) == 0) {
      field.integer = varint();
    } else {
      EXPECT_EQ(tag & 7, 2u) << "wire type";
      const std::uint64_t size = varint();
      EXPECT_LE(size, bytes_.size() - at_);
      field.bytes = bytes_.substr(at_, size);
      at_ += field.bytes.size();
    }
    return true;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at_ < bytes_.size(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    ADD_FAILURE() << "a varint without end";
    return value;
  }
  bool done() const { return at_ == bytes_.size(); }

 private:
  const std::string bytes_;
  std::size_t at_ = 0;
};

std::vector<std::uint64_t> unpacked(const std::string& bytes) {
  std::vector<std::uint64_t> values;
  for (WireReader reader(bytes); !reader.done();) values.push_back(reader.varint());
  return values;
}

struct Sample {
  std::vector<std::uint64_t> locations;
  std::vector<std::uint64_t> values;
  std::map<std::string, std::string> labels;
};

/// What a reader of profile.proto takes out of it.
struct Profile {
  std::vector<std::string> strings;
  std::vector<std::pair<std::string, std::string>> types;
  std::vector<Sample> samples;
  std::map<std::uint64_t, std::map<std::uint32_t, std::uint64_t>> mappings;
  std::vector<std::uint64_t> mapping_order;
  std::map<std::uint64_t, std::map<std::uint32_t, std::uint64_t>> locations;
  std::map<std::uint64_t, std::uint64_t> function_of_location;
  std::map<std::uint64_t, std::string> functions;
  std::vector<std::string> comments;
  std::uint64_t duration_ns = 0;

  std::vector<std::string> stack(const Sample& sample) const {
    std::vector<std::string> names;
    for (const std::uint64_t id : sample.locations) {
      names.push_back(functions.at(function_of_location.at(id)));
    }
    return names;
  }
};

std::map<std::uint32_t, std::uint64_t> integers_of(const std::string& message) {
  std::map<std::uint32_t, std::uint64_t> integers;
  WireReader reader(message);
  for (Field field; reader.next(field);) integers[field.number] = field.integer;
  return integers;
}

std::string gunzipped(const std::string& data) {
  EXPECT_EQ(data.substr(0, 2), "\x1f\x8b");
  std::string out(1 << 20, '\0');
  z_stream stream{};
  EXPECT_EQ(::inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0u);
  out.resize(stream.total_out);
  ::inflateEnd(&stream);
  return out;
}

Sample sample_of(const std::string& message, const std::vector<std::string>& strings) {
  Sample sample;
  WireReader reader(message);
  for (Field field; reader.next(field);) {
    if (field.number == 1) sample.locations = unpacked(field.bytes);
    if (field.number == 2) sample.values = unpacked(field.bytes);
    if (field.number != 3) continue;
    auto label = integers_of(field.bytes);
    sample.labels[strings.at(label[1])] = strings.at(label[2]);
  }
  return sample;
}

void take_location(Profile& profile, const std::string& message) {
  const auto integers = integers_of(message);
  profile.locations[integers.at(1)] = integers;
  WireReader reader(message);
  for (Field field; reader.next(field);) {
    if (field.number == 4) {
      profile.function_of_location[integers.at(1)] = integers_of(field.bytes).at(1);
    }
  }
}

Profile read_back(const std::string& gzipped_profile) {
  const std::string bytes = gunzipped(gzipped_profile);
  Profile profile;
  WireReader strings(bytes);
  for (Field field; strings.next(field);) {
    if (field.number == 6) profile.strings.push_back(field.bytes);
  }
  WireReader reader(bytes);
  for (Field field; reader.next(field);) {
    if (field.number == 1) {
      auto type = integers_of(field.bytes);
      profile.types.emplace_back(profile.strings.at(type[1]), profile.strings.at(type[2]));
    } else if (field.number == 2) {
      profile.samples.push_back(sample_of(field.bytes, profile.strings));
    } else if (field.number == 3) {
      const auto mapping = integers_of(field.bytes);
      profile.mappings[mapping.at(1)] = mapping;
      profile.mapping_order.push_back(mapping.at(1));
    } else if (field.number == 4) {
      take_location(profile, field.bytes);
    } else if (field.number == 5) {
      auto function = integers_of(field.bytes);
      profile.functions[function.at(1)] = profile.strings.at(function.at(2));
    } else if (field.number == 10) {
      profile.duration_ns = field.integer;
    } else if (field.number == 13) {
      profile.comments.push_back(profile.strings.at(field.integer));
    }
  }
  return profile;
}

Profile exported(const session::Session& session) {
  const auto map = heat::build_heat_map(session);
  EXPECT_TRUE(map);
  const auto profile = to_pprof(session, *map);
  EXPECT_TRUE(profile);
  return read_back(*profile);
}

// What pprof's own reader insists on (profile.go, CheckValid).
void expect_valid(const Profile& profile) {
  ASSERT_FALSE(profile.strings.empty());
  EXPECT_EQ(profile.strings[0], "");
  for (const Sample& sample : profile.samples) {
    EXPECT_EQ(sample.values.size(), profile.types.size());
    EXPECT_FALSE(sample.locations.empty());
    for (const std::uint64_t id : sample.locations) EXPECT_EQ(profile.locations.count(id), 1u);
  }
  for (const auto& [id, location] : profile.locations) {
    EXPECT_NE(id, 0u);
    EXPECT_EQ(profile.functions.count(profile.function_of_location.at(id)), 1u);
    if (location.count(2) == 0) continue;
    const auto& mapping = profile.mappings.at(location.at(2));
    EXPECT_GE(location.at(3), mapping.at(2));
    EXPECT_LT(location.at(3), mapping.at(3));
  }
}

TEST(Pprof, ASampleForEachObjectAndTierAddsUpToTheHeatMap) {
  const session::Session session = parsed(two_tier_session());
  const Profile profile = exported(session);
  expect_valid(profile);
  ASSERT_EQ(profile.types.size(), 3u);
  EXPECT_EQ(profile.types[0], (std::pair<std::string, std::string>("heat_per_second", "bytes")));
  ASSERT_EQ(profile.samples.size(), 3u);
  const auto map = heat::build_heat_map(session);
  ASSERT_TRUE(map);
  double total = 0;
  for (const heat::ObjectHeat& object : map->objects) total += object.bytes_per_second();
  double sum = 0;
  for (const Sample& sample : profile.samples) sum += static_cast<double>(sample.values[0]);
  EXPECT_NEAR(sum, total, 3);
  EXPECT_EQ(profile.duration_ns, 5'000'000'000u);
  for (const Sample& sample : profile.samples) {
    EXPECT_NEAR(static_cast<double>(sample.values[1]), static_cast<double>(sample.values[0]) * 0.1,
                1);
  }
}

TEST(Pprof, StacksNameTheCallSiteInnermostFirst) {
  const Profile profile = exported(parsed(two_tier_session()));
  const Sample* slow = nullptr;
  for (const Sample& sample : profile.samples) {
    if (sample.labels.at("tier") == "slow, far" && sample.locations.size() == 3) slow = &sample;
  }
  ASSERT_NE(slow, nullptr);
  EXPECT_EQ(profile.stack(*slow),
            (std::vector<std::string>{"libengine.so+0x1235", "engine+0x401001", "?+0x63"}));
  EXPECT_EQ(slow->values[2], kBlockBytes.value);
  // Return addresses; the calls lie one byte before.
  EXPECT_EQ(profile.locations.at(slow->locations[0]).at(3), 0x7f0000001234u);
  EXPECT_EQ(profile.locations.at(slow->locations[2]).count(2), 0u) << "nobody's code";
  ASSERT_EQ(profile.mapping_order.size(), 2u);
  EXPECT_EQ(profile.strings.at(profile.mappings.at(profile.mapping_order[0]).at(5)),
            "/usr/bin/engine")
      << "the first mapping is the main program";
}

TEST(Pprof, AnObjectWithoutFramesStandsUnderItsLabel) {
  const Profile profile = exported(parsed(two_tier_session()));
  std::set<std::string> leaves;
  for (const Sample& sample : profile.samples) leaves.insert(profile.stack(sample).front());
  EXPECT_EQ(leaves.count("\"m\",1.gguf"), 1u);
}

TEST(Pprof, SaysThatFiguresAreEmulated) {
  const Profile profile = exported(parsed(two_tier_session()));
  ASSERT_EQ(profile.comments.size(), 2u);
  EXPECT_EQ(profile.comments[0], "machine 0123456789abcdef");
  EXPECT_TRUE(profile.comments[1].starts_with("emulated"));
}

}  // namespace
}  // namespace terrace::exporting::pprof_test
