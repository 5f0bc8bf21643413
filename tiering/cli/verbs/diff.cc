// SPDX-License-Identifier: Apache-2.0
// terrace diff: what changed from one session to another.
#include "allocators/base/count_of.h"
#include "allocators/base/show_bytes.h"
#include "profiler/heat/difference.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include "profiler/report/totals.h"
#include "profiler/report/words.h"
#include "tiering/cli/json_document.h"
#include "tiering/cli/load_session.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/text_table.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {
namespace {

using heat::Difference;
using heat::HeatMap;
using heat::ObjectDifference;
using heat::ObjectHeat;
using nlohmann::ordered_json;

constexpr const char* kHowToDiff = "terrace diff BEFORE AFTER";
constexpr std::size_t kMostRows = 20;

struct Compared {
  HeatMap before;
  HeatMap after;
  Difference difference;
};

const ObjectHeat* side(const HeatMap& map, const std::optional<std::size_t>& index) {
  return index ? &map.objects[*index] : nullptr;
}

const ObjectHeat& either(const Compared& compared, const ObjectDifference& object) {
  const ObjectHeat* after = side(compared.after, object.after);
  return after != nullptr ? *after : compared.before.objects[*object.before];
}

std::string state_of(const ObjectDifference& object) {
  if (!object.before) return "new";
  if (!object.after) return "gone";
  return object.significant ? "changed" : "same";
}

ordered_json tier_bytes(const HeatMap& map, const ObjectHeat* object) {
  if (object == nullptr) return nullptr;
  ordered_json tiers = ordered_json::object();
  const std::vector<report::TierTotal> totals = report::totals_of(map, *object);
  for (std::size_t i = 0; i < totals.size() && i < map.tiers.size(); ++i) {
    tiers[report::printable(map.tiers[i].name)] = totals[i].bytes;
  }
  return tiers;
}

ordered_json or_null(double value, const void* there) {
  return there != nullptr ? ordered_json(value) : ordered_json();
}

ordered_json object_json(const Compared& compared, const ObjectDifference& object) {
  const ObjectHeat* before = side(compared.before, object.before);
  const ObjectHeat* after = side(compared.after, object.after);
  const ObjectHeat& known = either(compared, object);
  return {{"label", report::printable(known.label)},
          {"site", fmt::format("{:016x}", known.key.site_hash)},
          {"ordinal", known.key.ordinal},
          {"size_bytes_before", before != nullptr ? ordered_json(before->key.size_bytes) : nullptr},
          {"size_bytes_after", after != nullptr ? ordered_json(after->key.size_bytes) : nullptr},
          {"state", state_of(object)},
          {"heat_before", or_null(object.heat_before, before)},
          {"heat_after", or_null(object.heat_after, after)},
          {"change", object.change()},
          {"standard_error", object.error},
          {"significant", object.significant},
          {"moved_share", object.moved_share},
          {"tier_bytes_before", tier_bytes(compared.before, before)},
          {"tier_bytes_after", tier_bytes(compared.after, after)}};
}

ordered_json seconds_json(double seconds) {
  return seconds > 0 ? ordered_json(seconds) : ordered_json();
}

void print_document(const Compared& compared) {
  const Difference& difference = compared.difference;
  ordered_json document = json_document("diff", report::printable(compared.after.machine_id),
                                        compared.before.emulated || compared.after.emulated);
  document["same_machine"] = compared.before.machine_id == compared.after.machine_id;
  document["step_seconds_before"] = seconds_json(difference.step_before);
  document["step_seconds_after"] = seconds_json(difference.step_after);
  document["heat_unit"] = difference.per_step ? "bytes per step" : "bytes per second";
  document["objects"] = ordered_json::array();
  for (const ObjectDifference& object : difference.objects) {
    document["objects"].push_back(object_json(compared, object));
  }
  print_json(document);
}

std::string step_words(double seconds) {
  return seconds > 0 ? show_milliseconds(seconds) : "no step";
}

std::string change_words(double before, double after) {
  return before > 0 && after > 0 ? fmt::format("{:+.1f} %", (after / before - 1) * 100) : "";
}

void print_header(const Compared& compared) {
  const Difference& difference = compared.difference;
  if (compared.before.machine_id != compared.after.machine_id) {
    std::puts("sessions of two machines: compare the objects, not the times");
  }
  const std::string change = change_words(difference.step_before, difference.step_after);
  std::printf("step  %s -> %s  %s\n\n", step_words(difference.step_before).c_str(),
              step_words(difference.step_after).c_str(), change.c_str());
}

std::vector<std::string> row_of(const Compared& compared, const ObjectDifference& object) {
  const auto heat = [](double bytes, bool there) {
    return there ? show_bytes(Bytes(static_cast<std::uint64_t>(bytes))) : std::string("-");
  };
  const auto error = Bytes(static_cast<std::uint64_t>(object.error));
  return {report::fit(report::printable(either(compared, object).label), 40),
          show_bytes(Bytes(either(compared, object).key.size_bytes)),
          heat(object.heat_before, object.before.has_value()),
          heat(object.heat_after, object.after.has_value()),
          change_words(object.heat_before, object.heat_after),
          "+-" + show_bytes(error),
          state_of(object),
          object.before && object.after ? show_share(object.moved_share) : ""};
}

void print_text(const Compared& compared) {
  print_header(compared);
  const Difference& difference = compared.difference;
  const std::string unit = difference.per_step ? "a step" : "a second";
  TextTable table({{"object"},
                   {"size", Align::kRight},
                   {"heat " + unit + " before", Align::kRight},
                   {"after", Align::kRight},
                   {"change", Align::kRight},
                   {"error", Align::kRight},
                   {""},
                   {"moved", Align::kRight}});
  const std::size_t shown = std::min(difference.objects.size(), kMostRows);
  for (std::size_t i = 0; i < shown; ++i) table.add(row_of(compared, difference.objects[i]));
  std::fputs(table.text().c_str(), stdout);
  if (shown < difference.objects.size()) {
    std::printf("and %s that changed less (--json has all)\n",
                count_of(difference.objects.size() - shown, "object").c_str());
  }
  std::puts(
      "\nsame: within twice the standard error of both sessions' counts. moved: blocks that lie on "
      "another tier.");
}

}  // namespace

int diff_verb(const Call& call) {
  if (call.line.second_argument.empty()) {
    say_error(fmt::format("two sessions are compared; write {}", kHowToDiff));
    return static_cast<int>(ErrorCode::kUsage);
  }
  Compared compared;
  const std::string paths[] = {call.line.argument, call.line.second_argument};
  HeatMap* const maps[] = {&compared.before, &compared.after};
  for (std::size_t i = 0; i < 2; ++i) {
    Result<HeatMap> map = load_heat_map(call.settings, paths[i], kHowToDiff);
    if (!map.ok()) {
      // Of a session that can be read and has no heat the message does not say which it is.
      const std::string_view message = map.error().message;
      if (message.find(paths[i]) != message.npos) return failed(map.error());
      return failed(make_error(map.error().code, map.error().saved_errno, "%s: %s",
                               paths[i].c_str(), map.error().message));
    }
    *maps[i] = std::move(*map);
  }
  compared.difference = heat::difference_of(compared.before, compared.after);
  if (call.settings.flag("json")) {
    print_document(compared);
  } else {
    print_text(compared);
  }
  return 0;
}

}  // namespace terrace::cli
