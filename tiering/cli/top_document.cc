// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/top_document.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include <fmt/format.h>

#include <terrace/units.h>

#include "allocators/base/show_bytes.h"
#include "tiering/cli/counter_words.h"
#include "tiering/cli/text_table.h"

namespace terrace::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kRecentMilliseconds = 60000;
constexpr std::size_t kMostRecent = 32;

constexpr CounterWords kPlacedLate{"placed_late", "object", " placed late"};

std::uint64_t number(const Json& json, const char* key) {
  return json.value(key, std::uint64_t{0});
}

std::int64_t difference(const Json& before, const Json& now, const char* key) {
  return static_cast<std::int64_t>(number(now, key) - number(before, key));
}

const Json* tier_named(const Json& tiers, const std::string& name) {
  for (const Json& tier : tiers) {
    if (tier.at("name").get<std::string>() == name) return &tier;
  }
  return nullptr;
}

/// A program that replaced itself by exec counts from zero again.
void compare_tier(const Json& earlier_tiers, double seconds, Json& tier) {
  const Json* const earlier = tier_named(earlier_tiers, tier.at("name").get<std::string>());
  const bool known = earlier != nullptr && seconds > 0;
  tier["grown_bytes"] = known ? difference(*earlier, tier, "used_bytes") : 0;
  tier["bytes_per_second"] = nullptr;
  tier["bandwidth_from"] = nullptr;
  if (known && tier.contains("delivered_bytes")) {
    const std::int64_t bytes = difference(*earlier, tier, "delivered_bytes");
    tier["bytes_per_second"] = std::max(0.0, static_cast<double>(bytes) / seconds);
    tier["bandwidth_from"] = "link";
  } else if (tier.contains("recorded_bytes_per_second")) {
    tier["bytes_per_second"] = tier.at("recorded_bytes_per_second").get<double>();
    tier["bandwidth_from"] = "recording";
  }
}

struct Place {
  std::string label;
  std::uint64_t bytes = 0;
  std::map<std::string, std::int64_t> blocks;  ///< by tier, or under what its pages are
};

/// The objects that an answer names, by id.
std::map<std::uint64_t, Place> places_of(const Json& answer) {
  std::map<std::uint64_t, Place> places;
  for (const char* const list : {"largest", "hottest"}) {
    if (!answer.contains(list)) continue;
    for (const Json& object : answer.at(list)) {
      Place place{object.at("label").get<std::string>(), number(object, "bytes"), {}};
      for (const Json& share : object.at("tiers")) {
        place.blocks[share.at("name").get<std::string>()] =
            static_cast<std::int64_t>(number(share, "blocks"));
      }
      if (place.blocks.empty()) {
        place.blocks[object.at("pages").get<std::string>()] =
            static_cast<std::int64_t>(number(object, "blocks"));
      }
      places[number(object, "id")] = std::move(place);
    }
  }
  return places;
}

/// What left one place and came to another, greatest first; an answer does not say which block.
void append_moves(const Place& before, const Place& now, Json& moves) {
  std::map<std::string, std::int64_t> change;
  for (const auto& [name, blocks] : before.blocks) change[name] -= blocks;
  for (const auto& [name, blocks] : now.blocks) change[name] += blocks;
  for (;;) {
    const auto by_blocks = [](const auto& a, const auto& b) { return a.second < b.second; };
    const auto [from, to] = std::minmax_element(change.begin(), change.end(), by_blocks);
    if (change.empty() || from->second >= 0 || to->second <= 0) return;
    const std::int64_t blocks = std::min(-from->second, to->second);
    Json move;
    move["label"] = now.label;
    move["from"] = from->first;
    move["to"] = to->first;
    move["bytes"] = std::min(now.bytes, static_cast<std::uint64_t>(blocks) * kBlockBytes.value);
    moves.push_back(std::move(move));
    from->second += blocks;
    to->second -= blocks;
  }
}

Json moves_between(const Json& before, const Json& now) {
  Json moves = Json::array();
  const std::map<std::uint64_t, Place> earlier = places_of(before);
  for (const auto& [id, place] : places_of(now)) {
    const auto found = earlier.find(id);
    if (found != earlier.end()) append_moves(found->second, place, moves);
  }
  return moves;
}

Json event(std::uint64_t age_ms, std::string text) {
  Json json;
  json["age_ms"] = age_ms;
  json["text"] = std::move(text);
  return json;
}

/// What was recent before, older by now, and what has happened since.
Json recent_events(const Json& before, const Json& document, double seconds) {
  Json recent = Json::array();
  const auto passed = static_cast<std::uint64_t>(seconds * 1000);
  for (const Json& old : before.value("recent", Json::array())) {
    const std::uint64_t age = number(old, "age_ms") + passed;
    if (age <= kRecentMilliseconds) recent.push_back(event(age, old.at("text").get<std::string>()));
  }
  for (const Json& move : document.at("moves")) {
    recent.push_back(
        event(0, fmt::format("moved {} from {} to {}: {}", show_bytes(Bytes(number(move, "bytes"))),
                             move.at("from").get<std::string>(), move.at("to").get<std::string>(),
                             move.at("label").get<std::string>())));
  }
  const auto add_rise = [&](const CounterWords& counter) {
    const std::int64_t more = difference(before, document, counter.key);
    if (more <= 0) return;
    recent.push_back(event(0, in_words(counter, static_cast<std::uint64_t>(more))));
  };
  add_rise(kPlacedLate);
  for (const CounterWords& counter : kMisplacedCounters) add_rise(counter);
  while (recent.size() > kMostRecent) recent.erase(recent.begin());
  return recent;
}

}  // namespace

Json top_document(const Json& before, const Json& now, double seconds) {
  Json document = now;
  document["seconds"] = seconds;
  for (Json& tier : document.at("tiers")) compare_tier(before.at("tiers"), seconds, tier);
  document["moves"] = seconds > 0 ? moves_between(before, now) : Json::array();
  document["recent"] = recent_events(before, document, seconds);
  return document;
}

}  // namespace terrace::cli
