// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <type_traits>

#include "allocators/base/block_bytes.h"
#include "tiering/plan/json_cursor.h"
#include "tiering/plan/plan_check.h"
#include "tiering/plan/plan_json.h"
#include "tiering/plan/plan_words.h"
#include "tiering/plan/rule_text.h"
#include "tiering/runtime/flat_plan.h"

namespace terrace::plan {
namespace {

// Of all objects together: 128 TiB. Bounds the memory that a hostile file can ask for.
constexpr std::uint64_t kMaxBlocks = std::uint64_t{1} << 26;
constexpr std::uint64_t kMaxInteger = INT64_MAX;

template <typename T>
Figure<T> read_figure(const JsonCursor& at) {
  at.expect_keys({"value", "provenance"});
  Figure<T> figure;
  figure.from = at.at("provenance").word<Provenance>(kProvenanceWords);
  if constexpr (std::is_same_v<T, GBps>) {
    figure.value = GBps(at.at("value").amount());
  } else {
    figure.value = T(at.at("value").integer(kMaxInteger));
  }
  return figure;
}

Tier read_tier(const JsonCursor& at) {
  Tier tier;
  tier.backing = at.at("backing").word<BackingKind>(kBackingWords);
  if (tier.backing == BackingKind::kDax) {
    at.expect_keys({"name", "kind", "backing", "nodes", "capacity_bytes", "read_bandwidth_gbps",
                    "read_bandwidth_one_gbps", "idle_latency_ns", "loaded_latency_ns", "path",
                    "mapping_unit_bytes"});
    tier.path = at.at("path").text();
    tier.mapping_unit = Bytes(at.at("mapping_unit_bytes").integer(kMaxInteger));
  } else {
    at.expect_keys({"name", "kind", "backing", "nodes", "capacity_bytes", "read_bandwidth_gbps",
                    "read_bandwidth_one_gbps", "idle_latency_ns", "loaded_latency_ns"});
  }
  tier.name = at.at("name").text();
  if (tier.name.empty()) at.at("name").complain("is empty; a tier needs a name");
  tier.kind = at.at("kind").word<TierKind>(kKindWords);
  for (const JsonCursor& node : at.at("nodes").elements()) {
    tier.nodes.push_back(NodeId(static_cast<std::int32_t>(node.integer(runtime::kMaxNodes - 1))));
  }
  tier.capacity = read_figure<Bytes>(at.at("capacity_bytes"));
  tier.read_bandwidth = read_figure<GBps>(at.at("read_bandwidth_gbps"));
  tier.read_bandwidth_one = read_figure<GBps>(at.at("read_bandwidth_one_gbps"));
  tier.idle_latency = read_figure<Nanoseconds>(at.at("idle_latency_ns"));
  tier.loaded_latency = read_figure<Nanoseconds>(at.at("loaded_latency_ns"));
  return tier;
}

std::vector<Tier> read_tiers(const JsonCursor& at) {
  std::vector<Tier> tiers;
  std::set<std::string> names;
  for (const JsonCursor& element : at.elements()) {
    tiers.push_back(read_tier(element));
    if (!names.insert(tiers.back().name).second) {
      element.at("name").complain("is the name of an earlier tier; names must differ");
    }
  }
  if (tiers.empty() || tiers.size() > runtime::kMaxTiers) {
    at.complain("holds " + std::to_string(tiers.size()) + " tiers; 1 to " +
                std::to_string(runtime::kMaxTiers) + " can be used");
  }
  return tiers;
}

std::vector<double> read_per_tier(const JsonCursor& at, std::size_t tier_count) {
  std::vector<double> values = at.amounts();
  if (values.size() != tier_count) {
    at.complain("has " + std::to_string(values.size()) + " entries; one for each of the " +
                std::to_string(tier_count) + " tiers is needed");
  }
  return values;
}

Prediction read_prediction(const JsonCursor& at, std::size_t tier_count) {
  at.expect_keys({"step_seconds", "compute_seconds", "tier_busy_seconds"});
  return {at.at("step_seconds").amount(), at.at("compute_seconds").amount(),
          read_per_tier(at.at("tier_busy_seconds"), tier_count)};
}

std::uint64_t read_site(const JsonCursor& at) {
  const std::string text = at.text();
  std::uint64_t site = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), site, 16);
  if (text.size() == 16 && error == std::errc() && end == text.data() + text.size()) return site;
  at.complain("is no site; 16 hexadecimal digits are needed");
  return 0;
}

std::vector<double> read_shares(const JsonCursor& at, std::size_t tier_count) {
  std::vector<double> shares = read_per_tier(at, tier_count);
  double sum = 0;
  for (double share : shares) {
    if (share > 1 + kShareTolerance) at.complain("holds a share above 1; shares are parts of 1");
    sum += share;
  }
  if (std::fabs(sum - 1) > kShareTolerance) {
    at.complain("sum to " + std::to_string(sum) + ", must sum to 1; correct them or plan again");
  }
  return shares;
}

// One run of a block map, "tier" or "tier*count".
struct Run {
  std::uint64_t tier = 0;
  std::uint64_t count = 1;
};

std::optional<Run> parse_run(std::string_view word) {
  Run run;
  const char* end = word.data() + word.size();
  auto [rest, error] = std::from_chars(word.data(), end, run.tier);
  if (error != std::errc()) return std::nullopt;
  if (rest == end) return run;
  if (*rest != '*') return std::nullopt;
  auto [last, count_error] = std::from_chars(rest + 1, end, run.count);
  if (count_error != std::errc() || last != end || run.count == 0) return std::nullopt;
  return run;
}

std::vector<std::uint8_t> read_map(const JsonCursor& at, std::uint64_t blocks,
                                   std::size_t tier_count) {
  std::vector<std::uint8_t> map;
  const std::string text = at.text();
  for (std::size_t begin = 0; begin < text.size() && !at.failed();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const auto run = parse_run(std::string_view(text).substr(begin, end - begin));
    const std::string where = " at letter " + std::to_string(begin);
    if (!run) {
      at.complain("unreadable run" + where + "; runs are 'tier' or 'tier*count'");
    } else if (run->tier >= tier_count) {
      at.complain("tier " + std::to_string(run->tier) + where + " is not among the " +
                  std::to_string(tier_count) + " tiers");
    } else if (run->count > blocks - map.size()) {
      at.complain("is longer than the object's " + std::to_string(blocks) + " blocks" + where);
    } else {
      map.insert(map.end(), run->count, static_cast<std::uint8_t>(run->tier));
    }
    begin = end + 1;
  }
  if (map.size() != blocks) {
    at.complain("maps " + std::to_string(map.size()) + " blocks, the object has " +
                std::to_string(blocks) + "; correct it or plan again");
  }
  return map;
}

// Shares are for people, the map is what runs: a plan in which they disagree was edited halfway.
void check_agreement(const JsonCursor& at, const PlannedObject& object) {
  const double size = static_cast<double>(object.key.size_bytes);
  std::vector<double> mapped(object.shares.size(), 0.0);
  for (std::size_t b = 0; b < object.block_tiers.size(); ++b) {
    const Bytes bytes = bytes_in_block(Bytes(object.key.size_bytes), b);
    mapped[object.block_tiers[b]] += static_cast<double>(bytes.value) / size;
  }
  for (std::size_t tier = 0; tier < mapped.size(); ++tier) {
    if (std::fabs(mapped[tier] - object.shares[tier]) <= kShareTolerance) continue;
    at.at("shares").complain("gives tier " + std::to_string(tier) + " " +
                             std::to_string(object.shares[tier]) + ", 'blocks' gives it " +
                             std::to_string(mapped[tier]) + "; change both or plan again");
    return;
  }
}

PlannedObject read_object(const JsonCursor& at, std::size_t tier_count,
                          std::uint64_t& blocks_left) {
  at.expect_keys({"label", "site", "size_bytes", "ordinal", "origin", "bytes_per_step",
                  "tier_bytes_per_step", "shares", "blocks"});
  PlannedObject object;
  object.label = at.at("label").text();
  object.key.site_hash = read_site(at.at("site"));
  object.key.size_bytes = at.at("size_bytes").integer(blocks_left << kBlockShift);
  object.key.ordinal = static_cast<std::uint32_t>(at.at("ordinal").integer(UINT32_MAX));
  object.key.origin = at.at("origin").word<Origin>(kOriginWords);
  object.bytes_per_step = at.at("bytes_per_step").amount();
  object.tier_bytes_per_step = read_per_tier(at.at("tier_bytes_per_step"), tier_count);
  object.shares = read_shares(at.at("shares"), tier_count);
  if (object.key.size_bytes == 0) at.at("size_bytes").complain("is 0; objects have 1 byte or more");
  const std::uint64_t blocks = blocks_for(Bytes(object.key.size_bytes));
  object.block_tiers = read_map(at.at("blocks"), blocks, tier_count);
  if (at.failed()) return object;
  blocks_left -= blocks;
  check_agreement(at, object);
  return object;
}

void read_predictions(const JsonCursor& at, Plan& plan) {
  at.expect_keys({"all_fast", "bound", "planned", "first_touch", "interleave", "weighted"});
  const std::size_t tiers = plan.tiers.size();
  plan.all_fast = read_prediction(at.at("all_fast"), tiers);
  plan.bound = read_prediction(at.at("bound"), tiers);
  plan.planned = read_prediction(at.at("planned"), tiers);
  plan.first_touch = read_prediction(at.at("first_touch"), tiers);
  plan.interleave = read_prediction(at.at("interleave"), tiers);
  plan.weighted = read_prediction(at.at("weighted"), tiers);
}

std::vector<PlacementRule> read_rules(const JsonCursor& at) {
  std::vector<PlacementRule> rules;
  for (const JsonCursor& element : at.elements()) {
    element.expect_keys({"rule", "objects", "tier"});
    rules.push_back({element.at("rule").word<RuleKind>(kRuleWords), element.at("objects").text(),
                     element.at("tier").text()});
  }
  return rules;
}

// "gain_seconds" is for people, it follows from the rest. The writer has no number for a gain
// beyond a double's range.
Moves read_moves(const JsonCursor& at, std::size_t tier_count, const Prediction& planned) {
  at.expect_keys({"from", "horizon_seconds", "bytes", "seconds", "gain_seconds", "present"});
  Moves moves;
  moves.from = at.at("from").text();
  moves.horizon_seconds = at.at("horizon_seconds").amount();
  moves.bytes = at.at("bytes").integer(kMaxInteger);
  moves.seconds = at.at("seconds").amount();
  at.at("gain_seconds").number();
  moves.present = read_prediction(at.at("present"), tier_count);
  if (!std::isfinite(moves.gain_seconds(planned))) {
    at.at("horizon_seconds")
        .complain("and the steps give a gain that is no finite number; plan again");
  }
  return moves;
}

// Before everything else: another version's keys would only give misleading messages.
void check_version(const JsonCursor& root, const nlohmann::json& document) {
  if (!document.is_object() || !document.contains("schema_version")) return;
  const JsonCursor version = root.at("schema_version");
  const std::uint64_t number = version.integer(kMaxInteger);
  if (number == kPlanSchemaVersion) return;
  version.complain("is " + std::to_string(number) + ", this Terrace reads " +
                   std::to_string(kPlanSchemaVersion) + "; plan again with this version");
}

Plan read_document(const nlohmann::json& document, JsonProblem& problem) {
  const JsonCursor root(document, "", problem);
  check_version(root, document);
  root.expect_keys({"schema_version", "emulated", "machine_id", "executable", "made_from", "notes",
                    "per_second", "recorded_step_seconds", "predictions", "tiers", "objects"},
                   {"rules", "moves"});
  Plan plan;
  plan.emulated = root.at("emulated").boolean();
  plan.machine_id = root.at("machine_id").text();
  plan.executable = root.at("executable").text();
  plan.made_from = root.at("made_from").text();
  for (const JsonCursor& note : root.at("notes").elements()) plan.notes.push_back(note.text());
  plan.per_second = root.at("per_second").boolean();
  plan.recorded_step_seconds = root.at("recorded_step_seconds").amount();
  plan.tiers = read_tiers(root.at("tiers"));
  if (problem.found()) return plan;
  read_predictions(root.at("predictions"), plan);
  if (document.contains("rules")) plan.rules = read_rules(root.at("rules"));
  if (document.contains("moves"))
    plan.moves = read_moves(root.at("moves"), plan.tiers.size(), plan.planned);
  std::uint64_t blocks_left = kMaxBlocks;
  for (const JsonCursor& object : root.at("objects").elements()) {
    if (problem.found()) break;
    plan.objects.push_back(read_object(object, plan.tiers.size(), blocks_left));
  }
  return plan;
}

}  // namespace

Result<Plan> plan_from_json(std::string_view text, const std::string& name) {
  nlohmann::json document;
  try {
    document = nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& exception) {
    return make_error(ErrorCode::kUsage, 0,
                      "%.120s: not JSON: %.140s; correct it there or plan again", name.c_str(),
                      exception.what());
  }
  JsonProblem problem(name);
  Plan plan = read_document(document, problem);
  if (problem.found()) return problem.error();
  return plan;
}

Result<Plan> read_plan(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  int failure = file == nullptr ? errno : 0;
  std::string text;
  char piece[65536];
  while (failure == 0) {
    const std::size_t got = std::fread(piece, 1, sizeof piece, file);
    text.append(piece, got);
    if (got == sizeof piece) continue;
    if (std::ferror(file) != 0) failure = errno;
    break;
  }
  if (file != nullptr) std::fclose(file);
  if (failure == 0) return plan_from_json(text, path);
  return make_error(ErrorCode::kIo, failure,
                    "%.200s: cannot be read: %s; make a plan with `terrace plan`", path.c_str(),
                    std::strerror(failure));
}

}  // namespace terrace::plan
