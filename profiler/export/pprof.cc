// SPDX-License-Identifier: Apache-2.0
// Field numbers: https://github.com/google/pprof/blob/main/proto/profile.proto
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "profiler/export/export.h"
#include "profiler/export/protobuf.h"
#include "profiler/report/totals.h"
#include "profiler/report/words.h"

namespace terrace::exporting {
namespace {

constexpr std::uint64_t kPageBytes = 4096;

/// A rate of a damaged session may be beyond what an int64 holds.
std::uint64_t as_int64(double value) {
  constexpr double kMost = 9.2e18;
  return value > 0 ? static_cast<std::uint64_t>(std::llround(std::min(value, kMost))) : 0;
}

/// Strings by their place in the profile's table; the empty one is the first.
class StringTable {
 public:
  StringTable() { index(""); }
  std::uint64_t index(const std::string& untrusted) {
    const std::string text = report::printable(untrusted);
    const auto [at, fresh] = places_.emplace(text, texts_.size());
    if (fresh) texts_.push_back(text);
    return at->second;
  }
  void write(ProtobufMessage& profile) const {
    for (const std::string& text : texts_) profile.text(6, text);
  }

 private:
  std::vector<std::string> texts_;
  std::unordered_map<std::string, std::uint64_t> places_;
};

struct Mapping {
  std::uint64_t id = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

class ProfileBuilder {
 public:
  ProfileBuilder(const session::Session& session, const heat::HeatMap& map)
      : session_(session), map_(map) {
    for (const session::Object& object : session.objects) objects_[object.record.object] = &object;
  }

  std::string build() {
    ProtobufMessage profile;
    profile.message(1, value_type("heat_per_second", "bytes"));
    profile.message(1, value_type("heat_per_step", "bytes"));
    profile.message(1, value_type("size", "bytes"));
    find_mappings();
    for (const heat::ObjectHeat& object : map_.objects) samples(profile, object);
    mappings(profile);
    for (const ProtobufMessage& location : location_messages_) profile.message(4, location);
    for (const ProtobufMessage& function : function_messages_) profile.message(5, function);
    profile.integer(9, session_.header.start_realtime_ns);
    profile.integer(10, as_int64(map_.recorded_seconds * 1e9));
    comments(profile);
    profile.integer(14, strings_.index("heat_per_second"));
    strings_.write(profile);
    return profile.bytes();
  }

 private:
  ProtobufMessage value_type(const char* type, const char* unit) {
    ProtobufMessage message;
    message.integer(1, strings_.index(type)).integer(2, strings_.index(unit));
    return message;
  }

  /// The call lies in the bytes before a return address.
  static std::uint64_t address_of(const session::Frame& frame) {
    const std::uint64_t address = frame.load_bias + frame.offset;
    return address == 0 ? 0 : address - 1;
  }

  /// A session knows where modules were loaded and not how long they are: each reaches as far as
  /// the calls from it that were seen.
  void find_mappings() {
    for (const heat::ObjectHeat& object : map_.objects) {
      for (const session::Frame& frame : frames_of(object)) {
        if (frame.module.empty()) continue;
        const std::uint64_t page = address_of(frame) / kPageBytes * kPageBytes;
        const std::uint64_t begin = frame.load_bias == 0 ? page : frame.load_bias;
        const Mapping made{mappings_.size() + 1, begin, page + kPageBytes};
        const auto [at, fresh] = mappings_.emplace(key_of(frame), made);
        if (fresh) continue;
        at->second.begin = std::min(at->second.begin, begin);
        at->second.end = std::max(at->second.end, page + kPageBytes);
      }
    }
  }

  using MappingKey = std::pair<std::string, std::uint64_t>;  ///< module and where it was loaded
  static MappingKey key_of(const session::Frame& frame) { return {frame.module, frame.load_bias}; }

  /// pprof takes the first for the main program.
  void mappings(ProtobufMessage& profile) {
    for (const bool main_program : {true, false}) {
      for (const auto& [key, mapping] : mappings_) {
        if ((key.first == map_.executable) == main_program) {
          profile.message(3, mapping_of(key.first, mapping));
        }
      }
    }
  }

  const std::vector<session::Frame>& frames_of(const heat::ObjectHeat& object) const {
    static const std::vector<session::Frame> kNone;
    const auto found = objects_.find(object.object);
    return found == objects_.end() ? kNone : found->second->frames;
  }

  ProtobufMessage mapping_of(const std::string& module, const Mapping& mapping) {
    ProtobufMessage message;
    message.integer(1, mapping.id).integer(2, mapping.begin).integer(3, mapping.end);
    message.integer(5, strings_.index(module)).integer(7, 1);
    return message;
  }

  std::uint64_t function(const std::string& name) {
    const auto [at, fresh] = functions_.emplace(name, functions_.size() + 1);
    if (fresh) {
      function_messages_.emplace_back()
          .integer(1, at->second)
          .integer(2, strings_.index(name))
          .integer(3, strings_.index(name));
    }
    return at->second;
  }

  std::uint64_t location(std::uint64_t mapping, std::uint64_t address, const std::string& name) {
    const auto [at, fresh] =
        locations_.emplace(std::make_tuple(mapping, address, name), locations_.size() + 1);
    if (fresh) {
      ProtobufMessage& message = location_messages_.emplace_back();
      message.integer(1, at->second);
      if (mapping != 0) message.integer(2, mapping).integer(3, address);
      message.message(4, ProtobufMessage().integer(1, function(name)));
    }
    return at->second;
  }

  std::vector<std::uint64_t> stack_of(const heat::ObjectHeat& object) {
    std::vector<std::uint64_t> stack;
    const std::vector<session::Frame>& frames = frames_of(object);
    for (std::size_t i = 0; i < frames.size() && i < object.frames.size(); ++i) {
      const auto mapping = mappings_.find(key_of(frames[i]));
      stack.push_back(location(mapping == mappings_.end() ? 0 : mapping->second.id,
                               address_of(frames[i]), object.frames[i]));
    }
    // A sample without a stack would not be shown.
    if (stack.empty()) stack.push_back(location(0, 0, object.label));
    return stack;
  }

  ProtobufMessage label(const char* key, const std::string& value) {
    return ProtobufMessage().integer(1, strings_.index(key)).integer(2, strings_.index(value));
  }

  void samples(ProtobufMessage& profile, const heat::ObjectHeat& object) {
    const std::vector<std::uint64_t> stack = stack_of(object);
    const std::vector<report::TierTotal> totals = report::totals_of(map_, object);
    for (std::size_t tier = 0; tier < totals.size(); ++tier) {
      if (totals[tier].bytes <= 0) continue;
      const double rate = totals[tier].bytes_per_second;
      ProtobufMessage sample;
      sample.packed(1, stack);
      sample.packed(
          2, {as_int64(rate), as_int64(rate * map_.step_seconds), as_int64(totals[tier].bytes)});
      sample.message(3, label("object", object.label));
      sample.message(3, label("tier", map_.tiers[tier].name));
      sample.message(3, label("source", object.source));
      profile.message(2, sample);
    }
  }

  void comments(ProtobufMessage& profile) {
    profile.integer(13, strings_.index("machine " + map_.machine_id));
    if (map_.emulated) {
      profile.integer(13, strings_.index("emulated: a tier is ordinary memory delivered at a "
                                         "slower link's pace"));
    }
  }

  const session::Session& session_;
  const heat::HeatMap& map_;
  std::unordered_map<std::uint64_t, const session::Object*> objects_;
  StringTable strings_;
  std::map<MappingKey, Mapping> mappings_;
  std::map<std::string, std::uint64_t> functions_;
  std::map<std::tuple<std::uint64_t, std::uint64_t, std::string>, std::uint64_t> locations_;
  std::vector<ProtobufMessage> function_messages_;
  std::vector<ProtobufMessage> location_messages_;
};

Error out_of_memory() {
  return make_error(ErrorCode::kIo, 0, "zlib could not compress the profile: out of memory");
}

Result<std::string> gzipped(const std::string& data) {
  constexpr int kGzip = 15 + 16;  // zlib.h, deflateInit2: the largest window, a gzip header
  constexpr int kMemoryLevel = 8;
  z_stream stream{};
  if (::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
    return out_of_memory();
  }
  std::string out(::deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int end = ::deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  if (end != Z_STREAM_END) return out_of_memory();
  return out;
}

}  // namespace

Result<std::string> to_pprof(const session::Session& session, const heat::HeatMap& map) {
  const std::string profile = ProfileBuilder(session, map).build();
  if (profile.size() > std::numeric_limits<uInt>::max() / 2) {
    return make_error(ErrorCode::kUsage, 0, "the profile would be %zu bytes, too large for pprof",
                      profile.size());
  }
  return gzipped(profile);
}

}  // namespace terrace::exporting
