// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/top_view.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include <terrace/units.h>

#include "allocators/base/count_of.h"
#include "allocators/base/show_bytes.h"
#include "profiler/report/words.h"
#include "tiering/cli/fitted_table.h"

namespace terrace::cli {
namespace {

using Json = nlohmann::ordered_json;
using Look = TopLine::Look;
using Lines = std::vector<TopLine>;

constexpr std::size_t kBarWidth = 20;
// Below these rows blank lines go, then titles.
constexpr std::size_t kAiryRows = 16;
constexpr std::size_t kTitledRows = 9;

std::uint64_t number(const Json& json, const char* key) {
  return json.value(key, std::uint64_t{0});
}

std::string word(const Json& json, const char* key) {
  return report::printable(json.at(key).get<std::string>());
}

std::string size_of(const Json& json, const char* key) {
  return show_bytes(Bytes(number(json, key)));
}

std::string seconds_of(std::uint64_t milliseconds) {
  return milliseconds < 120000 ? fmt::format("{} s", milliseconds / 1000)
                               : fmt::format("{} min", milliseconds / 60000);
}

std::string rate(const Json& bytes_per_second) {
  if (bytes_per_second.is_null()) return "-";
  return report::digits(bytes_per_second.get<double>() / 1e9) + " GB/s";
}

std::string bar(double share) {
  const auto filled = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * kBarWidth + 0.5);
  return "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "]";
}

/// The part of a path that tells programs apart.
std::string short_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string head(const Json& document) {
  const Json& live = document.at("live");
  return fmt::format(
      "{} (pid {}) {}{}{}{}: {}, {}", short_name(word(document, "program")),
      number(document, "pid"), word(document, "stage"),
      document.contains("running_ms") ? " for " + seconds_of(number(document, "running_ms")) : "",
      document.at("recording").get<bool>() ? ", recording" : "",
      document.at("emulated").get<bool>() ? ", EMULATED tier" : "",
      count_of(number(live, "objects"), "object"), size_of(live, "bytes"));
}

std::string signed_size(std::int64_t bytes) {
  if (bytes == 0) return "";
  const auto size = static_cast<std::uint64_t>(bytes < 0 ? -bytes : bytes);
  return (bytes < 0 ? "-" : "+") + show_bytes(Bytes(size));
}

/// Recorded figures are estimates; those of a link are counted.
std::string bandwidth(const Json& tier) {
  const bool estimated = tier.at("bandwidth_from") == "recording";
  return (estimated ? "~" : "") + rate(tier.at("bytes_per_second"));
}

FittedTable tier_table(const Json& document) {
  FittedTable table({{"tier", Align::kLeft, 9, 16},
                     {"", Align::kLeft, 1},
                     {"full", Align::kRight, 7},
                     {"used", Align::kRight, 6},
                     {"capacity", Align::kRight, 4},
                     {"read", Align::kRight, 5},
                     {"change", Align::kRight, 3},
                     {"backing", Align::kLeft, 2}});
  for (const Json& tier : document.at("tiers")) {
    const auto used = static_cast<double>(number(tier, "used_bytes"));
    const auto capacity = static_cast<double>(number(tier, "capacity_bytes"));
    const double share = capacity > 0 ? used / capacity : 0;
    table.add({word(tier, "name"), bar(share), report::percent(share), size_of(tier, "used_bytes"),
               size_of(tier, "capacity_bytes"), bandwidth(tier),
               signed_size(tier.at("grown_bytes").get<std::int64_t>()), word(tier, "backing")});
  }
  return table;
}

std::string where(const Json& object) {
  const Json& shares = object.at("tiers");
  if (shares.empty()) return word(object, "pages");
  const auto blocks = static_cast<double>(std::max<std::uint64_t>(1, number(object, "blocks")));
  std::string text;
  for (const Json& share : shares) {
    text += fmt::format("{}{} {:.0f} %", text.empty() ? "" : ", ", word(share, "name"),
                        100 * static_cast<double>(number(share, "blocks")) / blocks);
  }
  return text;
}

/// Without a recording nobody counts what is read: the largest objects stand for the hottest.
FittedTable object_table(const Json& document) {
  const bool hot = document.contains("hottest") && !document.at("hottest").empty();
  FittedTable table({{hot ? "hottest" : "largest", Align::kRight, 9},
                     {"read", Align::kRight, 5},
                     {"age", Align::kRight, 1},
                     {"where", Align::kLeft, 3, 32},
                     {"object", Align::kLeft, 7}});
  for (const Json& object : document.at(hot ? "hottest" : "largest")) {
    const Json heat = object.value("bytes_per_second", Json());
    table.add({size_of(object, "bytes"), (heat.is_null() ? "" : "~") + rate(heat),
               seconds_of(number(object, "age_ms")), where(object), word(object, "label")});
  }
  return table;
}

/// Moves, counters that rose, and what the library has said; newest last.
Lines events(const Json& document) {
  struct Event {
    std::uint64_t age_ms;
    std::string text;
    Look look;
  };
  std::vector<Event> all;
  for (const Json& said : document.at("messages")) {
    all.push_back({number(said, "age_ms"), word(said, "text"), Look::kWarning});
  }
  for (const Json& recent : document.at("recent")) {
    all.push_back({number(recent, "age_ms"), word(recent, "text"), Look::kPlain});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Event& a, const Event& b) { return a.age_ms > b.age_ms; });
  Lines lines;
  for (const Event& event : all) {
    lines.push_back({fmt::format("{} ago: {}", seconds_of(event.age_ms), event.text), event.look});
  }
  return lines;
}

/// The document in sections that share the rows out among them.
class Composer {
 public:
  Composer(const Json& document, const TopLayout& layout)
      : document_(document),
        layout_(layout),
        airy_(layout.size.rows >= kAiryRows),
        titled_(layout.size.rows >= kTitledRows) {}

  Lines compose() {
    lines_.push_back({head(document_), Look::kTitle});
    if (!layout_.notice.empty()) lines_.push_back({layout_.notice, Look::kWarning});
    if (airy_ && !layout_.footer.empty()) --rows_left_;
    const Lines said = events(document_);
    // A fifth of the rows for what happened, so that objects keep the most of them.
    const std::size_t most_said = std::max<std::size_t>(1, layout_.size.rows / 5);
    const std::size_t kept = std::min(said.size(), most_said);
    const std::size_t frame = (airy_ ? 1u : 0u) + (titled_ ? 1u : 0u);
    const std::size_t for_said = kept == 0 ? 0 : kept + frame;
    section(tier_table(document_).lines(layout_.size.columns), for_said + frame + 1, "tier");
    section(object_table(document_).lines(layout_.size.columns), for_said, "object");
    if (kept == 0) return finished();
    if (airy_) lines_.push_back({});
    if (titled_) lines_.push_back({"moves, changes and messages", Look::kTitle});
    lines_.insert(lines_.end(), said.end() - static_cast<std::ptrdiff_t>(kept), said.end());
    return finished();
  }

 private:
  std::size_t room() const {
    const std::size_t taken = lines_.size() + (layout_.size.rows - rows_left_);
    return layout_.size.rows > taken ? layout_.size.rows - taken : 0;
  }

  /// A table whose first line is its title, without touching the last `reserved` rows. The first
  /// row is shown however little room there is.
  void section(const std::vector<std::string>& table, std::size_t reserved, const char* what) {
    if (airy_) lines_.push_back({});
    if (titled_) lines_.push_back({table.front(), Look::kTitle});
    const std::size_t count = table.size() - 1;
    std::size_t shown =
        std::min(count, room() > reserved ? room() - reserved : std::min<std::size_t>(1, room()));
    // The last row tells what is missing, where more than it would be shown.
    const bool tells = shown < count && shown > 2;
    if (tells) --shown;
    for (std::size_t i = 1; i <= shown; ++i) lines_.push_back({table[i], Look::kPlain});
    if (tells) {
      lines_.push_back({"  " + count_of(count - shown, std::string("more ") + what), Look::kPlain});
    }
  }

  Lines finished() {
    const std::size_t rows = layout_.size.rows;
    if (lines_.size() > rows) lines_.resize(rows);
    if (airy_ && !layout_.footer.empty()) {
      lines_.resize(rows - 1);
      lines_.push_back({layout_.footer, Look::kPlain});
    }
    for (TopLine& line : lines_) line.text = shown(line.text);
    return std::move(lines_);
  }

  std::string shown(const std::string& text) const {
    std::string line = report::fit(text, layout_.size.columns);
    if (layout_.letters == Letters::kUtf8) return line;
    std::string ascii;
    for (const char letter : line) {
      const auto code = static_cast<unsigned char>(letter);
      if (code < 0x80) ascii += letter;
      if (code >= 0xC0) ascii += '?';
    }
    return ascii;
  }

  const Json& document_;
  const TopLayout& layout_;
  const bool airy_;
  const bool titled_;
  std::size_t rows_left_ = layout_.size.rows;
  Lines lines_;
};

}  // namespace

Lines top_lines(const Json& document, const TopLayout& layout) {
  return Composer(document, layout).compose();
}

}  // namespace terrace::cli
