// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/status_text.h"

#include <cstdint>

#include <fmt/format.h>

#include <terrace/units.h>

#include "allocators/base/count_of.h"
#include "allocators/base/show_bytes.h"
#include "tiering/cli/counter_words.h"
#include "tiering/cli/text_table.h"

namespace terrace::cli {
namespace {

using Json = nlohmann::ordered_json;

std::uint64_t number(const Json& json, const char* key) {
  return json.at(key).get<std::uint64_t>();
}

std::string word(const Json& json, const char* key) {
  return json.at(key).get<std::string>();
}

std::string show_size(std::uint64_t bytes) {
  return show_bytes(Bytes(bytes));
}

std::string show_age(std::uint64_t milliseconds) {
  const double seconds = static_cast<double>(milliseconds) / 1000;
  if (seconds < 120) return fmt::format("{:.1f} s", seconds);
  if (seconds < 7200) return fmt::format("{:.1f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

std::string share_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "" : show_share(static_cast<double>(part) / static_cast<double>(whole));
}

std::string head(const Json& process) {
  const Json& live = process.at("live");
  std::string text =
      fmt::format("{} (pid {}): {} for {}{}{}\n", word(process, "program"), number(process, "pid"),
                  word(process, "stage"), show_age(number(process, "running_ms")),
                  process.at("recording").get<bool>() ? ", recording" : "",
                  process.at("emulated").get<bool>() ? ", with an emulated tier" : "");
  text += fmt::format("{}, {}, live; {} ever, {} of them named by the plan of {}\n",
                      count_of(number(live, "objects"), "object"), show_size(number(live, "bytes")),
                      number(process, "objects"), number(process, "planned"),
                      number(process, "plan_objects"));
  return text;
}

std::string tiers(const Json& process) {
  std::uint64_t all = 0;
  for (const Json& tier : process.at("tiers")) all += number(tier, "used_bytes");
  TextTable table({{"tier"},
                   {"backing"},
                   {"used", Align::kRight},
                   {"share", Align::kRight},
                   {"peak", Align::kRight},
                   {"capacity", Align::kRight}});
  for (const Json& tier : process.at("tiers")) {
    const std::uint64_t used = number(tier, "used_bytes");
    table.add({word(tier, "name"), word(tier, "backing"), show_size(used), share_of(used, all),
               show_size(number(tier, "peak_bytes")), show_size(number(tier, "capacity_bytes"))});
  }
  return "\n" + table.text();
}

/// Memory of objects that is on no tier, and why.
std::string off_tiers(const Json& process) {
  constexpr const char* kKinds[][2] = {{"ordinary_bytes", "ordinary memory, not or not yet placed"},
                                       {"frozen_bytes", "made private by a fork"},
                                       {"spare_bytes", "freed and kept for the next object"}};
  std::string text;
  for (const auto& [key, meaning] : kKinds) {
    const std::uint64_t bytes = number(process.at("live"), key);
    if (bytes != 0) text += fmt::format("{}: {}\n", meaning, show_size(bytes));
  }
  return text;
}

/// Counters that are not zero: each says that something did not go as asked.
std::string events(const Json& process) {
  std::string text;
  for (const CounterWords& counter : kMisplacedCounters) {
    const std::uint64_t count = number(process, counter.key);
    if (count != 0) text += in_words(counter, count) + "\n";
  }
  return text.empty() ? text : "\n" + text;
}

std::string where(const Json& object) {
  const Json& shares = object.at("tiers");
  if (shares.empty()) return word(object, "pages");
  std::string text;
  for (const Json& share : shares) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", word(share, "name"),
                        share_of(number(share, "blocks"), number(object, "blocks")));
  }
  return text;
}

std::string largest(const Json& process) {
  if (process.at("largest").empty()) return "";
  TextTable table(
      {{"largest", Align::kRight}, {"age", Align::kRight}, {"where"}, {"allocated by"}});
  for (const Json& object : process.at("largest")) {
    table.add({show_size(number(object, "bytes")), show_age(number(object, "age_ms")),
               where(object), word(object, "label")});
  }
  return "\n" + table.text();
}

std::string messages(const Json& process) {
  std::string text;
  for (const Json& message : process.at("messages")) {
    text += fmt::format("{} ago: {}\n", show_age(number(message, "age_ms")), word(message, "text"));
  }
  return text.empty() ? text : "\nsaid so far:\n" + text;
}

/// The program names itself and its files: nothing that a terminal obeys.
std::string printable(std::string text) {
  for (char& letter : text) {
    const auto code = static_cast<unsigned char>(letter);
    if ((code < ' ' && letter != '\n') || code == 0x7f) letter = '?';
  }
  return text;
}

}  // namespace

std::string status_text(const Json& process) {
  return printable(head(process) + tiers(process) + off_tiers(process) + events(process) +
                   largest(process) + messages(process));
}

}  // namespace terrace::cli
